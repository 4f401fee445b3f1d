"""Late usage: what arrived after its month was invoiced, and what waits because it is too late."""

from typing import Any, Final

from sqlalchemy import Engine, TextClause, text

from connectors.postgres.database import snapshot
from connectors.postgres.months import first_day
from domain.period import BillingMonth

_OF_MONTH: Final = "(CAST(:month AS date) IS NULL OR service_month = :month)"
# A month is over for an account once an invoice for it, or for a later one, was issued.
_DUE = text(f"""
SELECT a.code AS account, to_char(t.service_month, 'YYYY-MM') AS month, coalesce(c.meter, c.code) AS meter, a.currency,
       sum(t.event_count - t.invoiced_event_count)::bigint AS events,
       sum(t.quantity_millionths - t.invoiced_quantity_millionths)::bigint AS quantity_millionths,
       sum(t.amount_micros - t.invoiced_amount_micros)::bigint AS amount_micros
FROM usage_total t JOIN account a USING (account_id) JOIN charge c USING (charge_id)
WHERE (t.event_count, t.quantity_millionths, t.amount_micros)
   <> (t.invoiced_event_count, t.invoiced_quantity_millionths, t.invoiced_amount_micros)
  AND c.kind IN ('usage', 'adjustment') AND {_OF_MONTH}
  AND EXISTS (SELECT FROM invoice i
              WHERE i.account_id = a.bill_to_account_id AND i.status = 'issued' AND i.month >= t.service_month)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
""")  # noqa: S608 - composed of constants, as all statements here
_INVOICED = text(f"""
SELECT a.code AS account, to_char(l.service_month, 'YYYY-MM') AS month, coalesce(c.meter, c.code) AS meter, a.currency,
       i.number AS invoice,
       sum(l.event_count)::bigint AS events, sum(l.quantity_millionths)::bigint AS quantity_millionths,
       sum(l.amount_micros)::bigint AS amount_micros
FROM invoice_line l JOIN invoice i USING (invoice_id) JOIN account a ON a.account_id = l.account_id
JOIN charge c USING (charge_id)
WHERE i.status = 'issued' AND l.service_month < i.month AND c.kind IN ('usage', 'adjustment') AND {_OF_MONTH}
  AND EXISTS (SELECT FROM invoice e WHERE e.account_id = i.account_id AND e.status = 'issued'
              AND e.month >= l.service_month AND e.month < i.month)
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 5
""")  # noqa: S608
# The account is the one its alias names at the event's time. Not rated, so it has no amount. As json, and not jsonb, the
# payload may hold escapes that PostgreSQL's text cannot.
_WAITING = text(f"""
SELECT account, alias, to_char(service_month, 'YYYY-MM') AS month, meter, count(*) AS events,
       sum(quantity_millionths)::bigint AS quantity_millionths, min(quarantine_id) AS first_id, max(quarantine_id) AS last_id
FROM (SELECT q.quarantine_id, q.subject AS alias, a.code AS account, e.event ->> 'type' AS meter,
             date_trunc('month', q.event_time AT TIME ZONE coalesce(a.time_zone, 'UTC'))::date AS service_month,
             coalesce((e.event -> 'data' ->> 'quantity')::numeric, 1) * 1000000 AS quantity_millionths
      FROM quarantined_event q
      CROSS JOIN LATERAL (SELECT convert_from(q.payload, 'UTF8')::json AS event) e
      LEFT JOIN alias n ON n.alias = q.subject AND n.validity @> q.event_time
      LEFT JOIN account a USING (account_id)
      WHERE q.reason = 'too_late' AND q.released_at IS NULL AND q.decision IS NULL) AS waiting
WHERE {_OF_MONTH} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
""")  # noqa: S608


class LateUsage:
    """Late usage of one database; quantities in millionths of a unit, amounts in micros."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, month: BillingMonth | None) -> dict[str, list[dict[str, Any]]]:
        """Of one service month or all: `due` on the next invoice, `invoiced` on a later one, `waiting` for a person."""
        statements = {"due": _DUE, "invoiced": _INVOICED, "waiting": _WAITING}
        facts = {"month": first_day(month) if month is not None else None}
        with snapshot(self._engine) as connection:

            def rows(statement: TextClause) -> list[dict[str, Any]]:
                return [dict(row) for row in connection.execute(statement, facts).mappings()]

            return {name: rows(statement) for name, statement in statements.items()}
