"""What explains a charge, from the books: the event or line, its charges, and what their prices are functions of."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot
from connectors.postgres.rating_config import meters_from
from connectors.postgres.readable_properties import READABLE
from domain.catalogue import Adjustment, Charge, Meter, read_charge
from domain.catalogue.charges import UNDER, Reset, Sharing
from domain.errors import NotFound
from domain.invoice.due_usage import read_billed
from domain.money import Currency
from domain.period import BillingMonth
from domain.rating.places import EVER, period_start
from domain.usage import event_key
from invoicing.explanation_ports import BookedCharge, BookedLine, BookedPart, ExplainedCharge

_EVENTS: Final = text(f"""
SELECT u.event_key, u.event_time, u.account_id, u.subject, u.meter, u.quantity_millionths, u.properties, u.batch_id,
       u.partition, u.record_offset, a.code, a.currency, a.time_zone, p.code AS paid_by, b.config_version, b.booked_at
FROM usage_event u JOIN account a USING (account_id) JOIN batch b USING (batch_id)
LEFT JOIN account p ON p.account_id = payer_of(u.account_id, u.meter, {READABLE}, b.config_version)
WHERE u.event_key = :key ORDER BY u.event_time
""")  # noqa: S608 - constants only
_PARTS: Final = text("""
SELECT batch_id, charge_id, price_cell, kind, metered_millionths, amount_micros FROM rated_charge
WHERE event_key = :key AND event_time = :time
ORDER BY batch_id, kind = 'reversal' DESC, event_count = 0, charge_id, price_cell
""")
_CHARGES: Final = text("""
SELECT c.charge_id, c.kind, jsonb_build_object('sac', c.sac) || c.document AS document,
       c.contract_id IS NOT NULL AS is_contract, coalesce(p.code || ' v' || v.version, k.code) AS owner
FROM charge c LEFT JOIN (plan_version v JOIN plan p USING (plan_id)) USING (plan_version_id)
              LEFT JOIN contract k ON k.contract_id = c.contract_id
WHERE c.charge_id = ANY(:charge_ids)
""")
_METERS: Final = text("SELECT meter_id, code, event_type, aggregation, property, filter::text FROM meter")
_TREE: Final = text("""
WITH RECURSIVE up (account_id, parent_id) AS (
    SELECT account_id, parent_id FROM account WHERE account_id = :account_id
    UNION ALL SELECT a.account_id, a.parent_id FROM up JOIN account a ON a.account_id = up.parent_id),
below (account_id) AS (
    SELECT account_id FROM up WHERE parent_id IS NULL
    UNION ALL SELECT a.account_id FROM below JOIN account a ON a.parent_id = below.account_id)
SELECT a.account_id, a.code FROM below JOIN account a USING (account_id)
""")
# In a batch, events were booked in the order of their records as far as they are of one partition.
_POSITION: Final = text("""
SELECT coalesce(sum(r.metered_millionths) FILTER (WHERE before), 0)::bigint,
       coalesce(sum(r.amount_micros) FILTER (WHERE before), 0)::bigint,
       coalesce(sum(r.metered_millionths) FILTER (WHERE NOT before), 0)::bigint,
       coalesce(sum(r.amount_micros) FILTER (WHERE NOT before), 0)::bigint
FROM (SELECT r.metered_millionths, r.amount_micros,
             (r.batch_id < :batch_id OR (u.partition, u.record_offset, u.ctid)
                  < (SELECT m.partition, m.record_offset, m.ctid FROM usage_event m
                     WHERE m.event_time = :time AND m.event_key = :key)) IS TRUE AS before
      FROM rated_charge r JOIN account a ON a.account_id = r.account_id
      LEFT JOIN usage_event u ON r.batch_id = :batch_id AND u.event_time = r.event_time AND u.event_key = r.event_key
      WHERE r.account_id = ANY(:account_ids) AND r.charge_id = :charge_id AND r.batch_id <= :batch_id
        AND CASE WHEN :wide THEN split_part(r.price_cell, '//', 1) ELSE r.price_cell END = :cell
        AND r.event_time >= :start AND r.event_time < :end
        AND date_trunc('month', r.event_time AT TIME ZONE a.time_zone)::date >= :first
        AND date_trunc('month', r.event_time AT TIME ZONE a.time_zone)::date < :after) AS r
""")
# What was booked for the month without usage before the batch: of a total, or of the money of an adjustment.
_UNUSED: Final = text("""
SELECT coalesce(sum(u.metered_millionths), 0)::bigint, coalesce(sum(u.amount_micros), 0)::bigint
FROM unused_booking u JOIN fee_accrual f USING (accrual_id) JOIN batch b ON b.batch_id = :batch_id
WHERE u.account_id = ANY(:account_ids) AND u.charge_id = :charge_id AND f.booked_at <= b.booked_at
  AND CASE WHEN :wide THEN split_part(u.price_cell, '//', 1) ELSE u.price_cell END = :cell
  AND u.service_month >= :first AND u.service_month < :after
""")
_LINE: Final = text("""
SELECT i.number, l.line_number, a.code, a.currency, l.service_month, l.charge_id, l.price_cell, l.quantity_millionths,
       l.amount_micros, l.amount_minor, l.event_count, e.quantity_before, e.amount_before
FROM invoice i JOIN invoice_line l USING (invoice_id) JOIN account a ON a.account_id = l.account_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(m.quantity_millionths), 0)::bigint AS quantity_before,
           coalesce(sum(m.amount_micros), 0)::bigint AS amount_before
    FROM invoice_line m JOIN invoice j USING (invoice_id)
    WHERE j.status = 'issued' AND j.month < i.month AND (m.account_id, m.service_month, m.charge_id, m.price_cell)
        = (l.account_id, l.service_month, l.charge_id, l.price_cell)) e
WHERE i.number = :number AND l.line_number = :line_number AND i.status = 'issued'
""")


class PostgresExplanations:
    """The ExplanationFacts port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def event(self, event_id: str, *, source: str) -> Sequence[BookedCharge]:
        """Each time the event was booked. Raises NotFound."""
        with snapshot(self._engine) as connection:
            rows = connection.execute(_EVENTS, {"key": event_key(source, event_id).hex()}).mappings().all()
            if not rows:
                raise NotFound(
                    f"no event {event_id!r} of {source} is booked: see `billing events quarantine` and `dead-letters`"
                )
            return [_Reading(connection).booked(row, event_id, source) for row in rows]

    def line(self, number: str, line_number: int) -> BookedLine:
        """A line of an issued invoice. Raises NotFound."""
        with snapshot(self._engine) as connection:
            row = connection.execute(_LINE, {"number": number, "line_number": line_number}).one_or_none()
            if row is None:
                raise NotFound(f"no issued invoice {number} has a line {line_number}: `billing invoices show {number}`")
            charge = _Reading(connection).charges([row.charge_id])[row.charge_id]
        return BookedLine(
            invoice=row.number,
            line_number=row.line_number,
            account=row.code,
            currency=Currency(row.currency),
            service_month=row.service_month,
            charge=charge,
            price_cell=row.price_cell,
            quantity_millionths=row.quantity_millionths,
            amount_micros=row.amount_micros,
            amount_minor=row.amount_minor,
            event_count=row.event_count,
            before_millionths=row.quantity_before,
            before_micros=row.amount_before,
            is_whole=_options(charge) in ((Reset.MONTH, Sharing.ACCOUNT), None),
        )


class _Reading:
    """One explanation's questions to one snapshot."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def booked(self, row: Mapping[Any, Any], event_id: str, source: str) -> BookedCharge:
        identity = {"key": row["event_key"], "time": row["event_time"]}
        parts = self._connection.execute(_PARTS, identity).all()
        charges = self.charges([part.charge_id for part in parts])
        return BookedCharge(
            event_id=event_id,
            source=source,
            event_type=row["meter"],
            event_time=row["event_time"],
            alias=row["subject"],
            account=row["code"],
            paid_by=row["paid_by"] or row["code"],
            currency=Currency(row["currency"]),
            time_zone=row["time_zone"],
            quantity_millionths=row["quantity_millionths"],
            properties=json.loads(row["properties"]),
            config_version=row["config_version"],
            booked_at=row["booked_at"],
            parts=[self._part(row, part, charges[part.charge_id], identity) for part in parts],
        )

    def charges(self, charge_ids: Sequence[int]) -> dict[int, ExplainedCharge]:
        meters = self._meters()
        found = {}
        for row in self._connection.execute(_CHARGES, {"charge_ids": list(charge_ids)}).mappings():
            path = f"{row['owner']}, charge {row['charge_id']}"
            if row["kind"] == "usage":
                charge = read_charge(row["charge_id"], row["document"], path=path, meters=meters)
                found[row["charge_id"]] = ExplainedCharge(charge, "usage", row["owner"], row["is_contract"])
            else:
                billed = read_billed(row["charge_id"], row["kind"], row["document"], path=path)
                found[row["charge_id"]] = ExplainedCharge(billed, row["kind"], row["owner"], row["is_contract"])
        return found

    def _part(self, event: Mapping[Any, Any], part: Any, charge: ExplainedCharge, identity: dict[str, Any]) -> BookedPart:
        zone = ZoneInfo(event["time_zone"])
        month = BillingMonth.of(event["event_time"], zone)
        reset, shared = _options(charge) or (Reset.MONTH, Sharing.ACCOUNT)
        wide = (reset, shared) != (Reset.MONTH, Sharing.ACCOUNT)
        first = period_start(date(month.year, month.month, 1), reset)
        after = _after(first, reset)
        accounts = {event["account_id"]: event["code"]}
        if shared is Sharing.ACCOUNT_TREE:
            accounts = {
                row.account_id: row.code for row in self._connection.execute(_TREE, {"account_id": event["account_id"]})
            }
        scope = {
            "account_ids": list(accounts),
            "charge_id": part.charge_id,
            "batch_id": part.batch_id,
            "wide": wide,
            "cell": part.price_cell.split(UNDER)[0] if wide else part.price_cell,
            "first": first,
            "after": after,
            "start": datetime(max(first.year - 1, 1), first.month, 1, tzinfo=UTC),
            "end": datetime(min(after.year + 1, 9999), after.month, 1, tzinfo=UTC),
        }
        before = self._connection.execute(_POSITION, {**scope, **identity}).one()
        unused = self._connection.execute(_UNUSED, scope).one()
        time = {Reset.MONTH: f"{first:%Y-%m}", Reset.NEVER: "all time"}.get(reset, f"the {reset} from {first:%Y-%m}")
        whose = "the tree of " if shared is Sharing.ACCOUNT_TREE else ""
        return BookedPart(
            charge=charge,
            price_cell=part.price_cell,
            kind=part.kind,
            batch_id=part.batch_id,
            metered_millionths=part.metered_millionths,
            amount_micros=part.amount_micros,
            position=f"{time} of {whose}{event['code']}",
            before_millionths=before[0] + unused[0],
            before_micros=before[1] + unused[1],
            batch_millionths=before[2],
            batch_micros=before[3],
        )

    def _meters(self) -> dict[str, Meter]:
        return meters_from([tuple(row) for row in self._connection.execute(_METERS)])


def _options(charge: ExplainedCharge) -> tuple[Reset, Sharing] | None:
    billed = charge.billed
    return (billed.reset, billed.shared) if isinstance(billed, Charge | Adjustment) else None


def _after(first: date, reset: Reset) -> date:
    """The first day after a period."""
    if first == EVER:
        return date(9999, 12, 1)
    months = first.year * 12 + first.month - 1 + {Reset.MONTH: 1, Reset.QUARTER: 3, Reset.YEAR: 12}[reset]
    return date(months // 12, months % 12 + 1, 1)
