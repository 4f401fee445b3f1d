"""Where every account stands, for comparison: usage, wallet, what is invoiced and what is not; all as of one instant."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot
from connectors.postgres.months import first_day
from domain.period import BillingMonth

_PROGRESS: Final = text("SELECT partition, next_offset FROM partition_progress WHERE topic = :topic")
_ACCOUNT_ID: Final = text("SELECT account_id FROM account WHERE code = :account")
_TO_WAREHOUSE: Final = text("SELECT count(*) FROM batch WHERE warehoused_at IS NULL")

_OUTCOMES: Final = text("""
SELECT coalesce(sum(received), 0)::bigint AS received, coalesce(sum(rated), 0)::bigint AS rated,
       coalesce(sum(duplicate), 0)::bigint AS duplicate, coalesce(sum(conflict), 0)::bigint AS conflict,
       coalesce(sum(dead_lettered), 0)::bigint AS dead_lettered, coalesce(sum(quarantined), 0)::bigint AS quarantined
FROM batch_range WHERE topic = :topic
""")
_DEAD_LETTERS: Final = text("SELECT reason, count(*) AS letters FROM dead_letter WHERE topic = :topic GROUP BY reason")
_WAITING: Final = text("""
SELECT count(*) FROM quarantined_event WHERE (released_at IS NULL OR sent_at IS NULL) AND subject = ANY(:aliases)
""")
# An adjustment of a plan over a contract's charge is named with its number there, which nobody outside can know.
_USAGE: Final = text("""
SELECT a.code AS account, to_char(t.service_month, 'YYYY-MM') AS month, c.code AS charge,
       regexp_replace(t.price_cell, '#[0-9]+', '') AS price,
       sum(t.quantity_millionths)::bigint AS quantity_millionths, sum(t.amount_micros)::bigint AS amount_micros,
       sum(t.event_count)::bigint AS events
FROM usage_total t JOIN account a USING (account_id) JOIN charge c USING (charge_id) GROUP BY 1, 2, 3, 4
""")
_ACCOUNTS: Final = text("""
SELECT a.code AS account, a.mode, a.currency, w.balance_micros, i.number AS issued, i.pdf_path, i.pdf_digest,
       coalesce((SELECT sum(amount_micros) FROM usage_total t WHERE t.account_id = a.account_id
                 AND t.service_month <= :month), 0)::bigint
       - coalesce((SELECT sum(l.amount_micros) FROM invoice_line l JOIN invoice p USING (invoice_id)
                   WHERE l.account_id = a.account_id AND p.status = 'issued' AND l.service_month <= :month), 0)::bigint
       AS due_micros, nullif(y.code, a.code) AS pays_from,
       (SELECT to_char(min(lower(s.validity)) AT TIME ZONE a.time_zone, 'YYYY-MM') FROM subscription s
        WHERE s.account_id = a.account_id) AS since
FROM account a JOIN wallet w USING (account_id) JOIN account y ON y.account_id = a.pay_from_account_id
LEFT JOIN invoice i ON i.account_id = a.bill_to_account_id AND i.month = :month AND i.status = 'issued'
""")


class AccountStandings:
    """The accounts of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def progress(self, topic: str) -> Mapping[int, int]:
        """By partition of a topic: the offset up to which it is booked."""
        with snapshot(self._engine) as connection:
            return dict(connection.execute(_PROGRESS, {"topic": topic}).all())

    def account_id(self, account: str) -> int:
        """The number of an account that exists: what the cache knows it by."""
        with snapshot(self._engine) as connection:
            return int(connection.execute(_ACCOUNT_ID, {"account": account}).scalar_one())

    def batches_to_warehouse(self) -> int:
        """How many booked batches are not in the warehouse yet."""
        with snapshot(self._engine) as connection:
            return int(connection.execute(_TO_WAREHOUSE).scalar_one())

    def read(self, topic: str, month: BillingMonth, *, aliases: Sequence[str]) -> dict[str, Any]:
        """Outcomes and dead letters of a topic, events of some aliases that wait, usage totals, and accounts.

        An account's `issued` is the number of the invoice that carries its usage of the month, `due_micros` what it used
        up to the end of that month less what the lines of issued invoices took, `pays_from` is None for itself,
        and `since` is the month its first subscription began in.
        """
        of_month = {"month": first_day(month)}
        with snapshot(self._engine) as connection:
            return {
                "outcomes": dict(connection.execute(_OUTCOMES, {"topic": topic}).mappings().one()),
                "dead_letters": dict(connection.execute(_DEAD_LETTERS, {"topic": topic}).all()),
                "waiting": connection.execute(_WAITING, {"aliases": list(aliases)}).scalar_one(),
                "usage": [dict(row) for row in connection.execute(_USAGE).mappings()],
                "accounts": [dict(row) for row in connection.execute(_ACCOUNTS, of_month).mappings()],
            }
