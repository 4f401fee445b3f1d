"""Usage as the books have it, summed up for comparison with the analysts' copy."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot
from connectors.postgres.rated_events import RatedEventReader
from invoicing.reconcile_ports import Days, Slice, Sums, UsageRow

# The columns of UsageRow. A double holds the microseconds of this century exactly, once rounded to whole ones.
_ROW: Final = """u.key, (date_part('epoch', u.event_time) * 1000000)::bigint / 1000, a.code, u.subject, u.meter,
       u.quantity_millionths, u.amount_micros"""
# Events and their further parts; the identity of these names charge, price cell and kind, too. Their event says whose alias
# it is, so they are compared without, and by their charge instead of a meter.
_RATED: Final = """(
    SELECT event_key::text AS key, event_time, batch_id, account_id, subject, meter, quantity_millionths, amount_micros
    FROM usage_event
    UNION ALL
    SELECT concat_ws('/', f.event_key, f.charge_id, f.price_cell, f.kind), f.event_time, f.batch_id, f.account_id, '',
           c.code, coalesce(f.metered_millionths, f.quantity_millionths), f.amount_micros
    FROM further_charge f JOIN charge c USING (charge_id))"""
_SUMS: Final = text(
    """
SELECT (u.event_time AT TIME ZONE 'UTC')::date, u.batch_id / :width * :width, count(*)::bigint,
       sum(u.quantity_millionths), sum(u.amount_micros),
       bit_xor(('x' || left(md5(concat_ws('|', COLUMNS)), 16))::bit(64)::bigint)
FROM RATED u JOIN account a USING (account_id)
WHERE u.event_time >= :start AND u.event_time < :end AND u.batch_id >= :first AND u.batch_id < :next
  AND (NOT :sent OR NOT EXISTS (SELECT FROM batch b WHERE b.batch_id = u.batch_id AND b.warehoused_at IS NULL))
GROUP BY 1, 2
""".replace("COLUMNS", _ROW).replace("RATED", _RATED)
)
_ROWS: Final = text(
    """
SELECT u.batch_id, COLUMNS FROM RATED u JOIN account a USING (account_id)
WHERE u.event_time >= :start AND u.event_time < :end AND u.batch_id = ANY(:batch_ids)
""".replace("COLUMNS", _ROW).replace("RATED", _RATED)
)
_ON_THEIR_WAY: Final = text("SELECT count(*) FROM batch WHERE warehoused_at IS NULL")
_HOLD: Final = text("SELECT pg_try_advisory_lock(hashtext('repair clickhouse'))")
_LET_GO: Final = text("SELECT pg_advisory_unlock(hashtext('repair clickhouse'))")
_EVERY_BATCH: Final = range(2**62)
_MIDNIGHT: Final = time(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PostgresBookedUsage:
    """The BookedUsage port on the billing database."""

    engine: Engine
    reader: RatedEventReader = field(default_factory=lambda: RatedEventReader(partitions=1))

    @contextmanager
    def hold_repair(self) -> Iterator[bool]:
        """Try to become the one repairer; False when another process is."""
        with snapshot(self.engine) as connection:
            held = connection.execute(_HOLD).scalar_one()
            try:
                yield held
            finally:
                if held:
                    connection.execute(_LET_GO)

    def on_their_way(self) -> int:
        """How many batches are booked and not sent yet."""
        with snapshot(self.engine) as connection:
            return int(connection.execute(_ON_THEIR_WAY).scalar_one())

    def sums(self, days: Days, *, width: int, batches: range | None = None, sent: bool = True) -> Mapping[Slice, Sums]:
        """Figures by day and `width` batches: of those marked as sent, or with sent=False of all."""
        span = batches or _EVERY_BATCH
        wanted = {"width": width, "sent": sent, "first": span.start, "next": span.stop, **_instants(days)}
        with snapshot(self.engine) as connection:
            rows = connection.execute(_SUMS, wanted).all()
        return {
            Slice(day, first): Sums(events, int(quantity), int(amount), digest % 2**64)
            for day, first, events, quantity, amount, digest in rows
        }

    def rows(self, day: date, batch_ids: Sequence[int]) -> Mapping[int, Sequence[UsageRow]]:
        """Rows of some batches of a day, by batch."""
        found: dict[int, list[UsageRow]] = {}
        with snapshot(self.engine) as connection:
            for batch_id, *row in connection.execute(_ROWS, {"batch_ids": list(batch_ids), **_instants(_one(day))}):
                found.setdefault(batch_id, []).append(UsageRow(*row))
        return found

    def lines(self, day: date, batch_ids: Sequence[int]) -> Sequence[str]:
        """The same as the warehouse takes them."""
        span = _instants(_one(day))
        with snapshot(self.engine) as connection:
            driver: Any = connection.connection.driver_connection
            return self.reader.rows_between(driver, batch_ids, span["start"], span["end"])


def _one(day: date) -> Days:
    return Days(day, day + timedelta(days=1))


def _instants(days: Days) -> dict[str, datetime]:
    """Instants that bound the days; the years 1 and 9999 stand for open ends."""
    start, end = days.start or date(1, 1, 1), days.end or date(9999, 12, 31)
    return {"start": datetime.combine(start, _MIDNIGHT), "end": datetime.combine(end, _MIDNIGHT)}
