"""Usage as it lies in ClickHouse, summed up for comparison with the books: every row, not what FINAL would show."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from connectors.clickhouse.usage_feed import ClickHouseUsage
from domain.errors import EngineUnavailable
from invoicing.reconcile_ports import Days, Slice, Sums, UsageRow

# The columns of UsageRow. Days are counted since 1970, so that no server's or client's time zone has a say.
_ROW: Final = (
    "key",
    "toUInt64(toUInt32(event_time)) * 1000 + event_time_ms",
    "account",
    "alias",
    "meter",
    "quantity_millionths",
    "amount_micros",
)
# Events and their further parts; the identity of these names charge, price cell and kind, too.
_RATED: Final = """
SELECT event_time, event_time_ms, batch_id, toString(event_key) AS key, account, alias, meter,
       quantity_millionths, amount_micros
FROM usage_event WHERE event_time >= toDateTime(%(start)s) AND event_time < toDateTime(%(end)s) AND BATCHES
UNION ALL
SELECT event_time, event_time_ms, batch_id,
       concat(toString(event_key), '/', toString(charge_id), '/', price_cell, '/', kind) AS key, account, '' AS alias,
       charge AS meter, metered_millionths AS quantity_millionths, amount_micros
FROM further_charge WHERE event_time >= toDateTime(%(start)s) AND event_time < toDateTime(%(end)s) AND BATCHES
"""
_AS_TEXT: Final = ", '|', ".join(f"toString({column})" for column in _ROW)
_SUMS: Final = """
SELECT intDiv(toUInt32(event_time), 86400) AS day, intDiv(batch_id, %(width)s) * %(width)s AS first, count(),
       sum(quantity_millionths), sum(amount_micros),
       groupBitXor(reinterpretAsUInt64(substring(MD5(concat(AS_TEXT)), 1, 8)))
FROM (RATED)
GROUP BY day, first
""".replace("AS_TEXT", _AS_TEXT).replace("RATED", _RATED.replace("BATCHES", "batch_id >= %(first)s AND batch_id < %(next)s"))
_ROWS: Final = """
SELECT batch_id, COLUMNS FROM (RATED)
""".replace("COLUMNS", ", ".join(_ROW)).replace("RATED", _RATED.replace("BATCHES", "batch_id IN %(batch_ids)s"))
_TABLES: Final = ("usage_event", "further_charge")
_WAITING: Final = """
SELECT count() FROM system.mutations
WHERE database = currentDatabase() AND table IN ('usage_event', 'further_charge') AND is_done = 0
"""
_EVERY_BATCH: Final = range(2**62)
_SLICES_MAX: Final = 5_000
"""Batches taken out by one mutation: each one rewrites the parts it touches, and its text has a limit."""
_LOOK_SECONDS: Final = 0.05
_MUTATION_LOOKS: Final = 12_000
_EPOCH: Final = date(1970, 1, 1)


class ClickHouseWarehousedUsage(ClickHouseUsage):
    """The WarehousedUsage port on the usage tables of one ClickHouse database."""

    def sums(self, days: Days, *, width: int, batches: range | None = None) -> Mapping[Slice, Sums]:
        """Figures by day and `width` batches."""
        span = batches or _EVERY_BATCH
        wanted = {"width": width, "first": span.start, "next": span.stop, **_seconds(days)}
        return {
            # PostgreSQL reads the first eight bytes of a digest as one big-endian number, ClickHouse as a little-endian one.
            Slice(_EPOCH + timedelta(days=day), first): Sums(
                events, quantity, amount, int.from_bytes(digest.to_bytes(8, "little"), "big")
            )
            for day, first, events, quantity, amount, digest in self._query(_SUMS, wanted)
        }

    def rows(self, day: date, batch_ids: Sequence[int]) -> Mapping[int, Sequence[UsageRow]]:
        """Rows of some batches of a day, by batch."""
        found: dict[int, list[UsageRow]] = {}
        for batch_id, *row in self._query(_ROWS, {"batch_ids": tuple(batch_ids), **_seconds(_one(day))}):
            found.setdefault(batch_id, []).append(UsageRow(*row))
        return found

    def remove(self, slices: Sequence[Slice]) -> int:
        """Take out every row of these single batches of their day, and wait until they are gone. Returns how many."""
        removed = 0
        for start in range(0, len(slices), _SLICES_MAX):
            condition = _condition(slices[start : start + _SLICES_MAX])
            for table in _TABLES:
                ((rows,),) = self._query(f"SELECT count() FROM {table} WHERE {condition}", {})  # noqa: S608
                if rows:
                    self._query(f"ALTER TABLE {table} DELETE WHERE {condition}", {})
                removed += rows
            self._wait_for_mutations()
        return removed

    def _wait_for_mutations(self) -> None:
        for _ in range(_MUTATION_LOOKS):
            if self._query(_WAITING, {}) == [(0,)]:
                return
            time.sleep(_LOOK_SECONDS)
        raise EngineUnavailable("ClickHouse does not finish taking rows out: look at system.mutations, then repair again")

    def _query(self, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._guarded(lambda: self._client.execute(query, parameters))
        return rows


def _condition(slices: Sequence[Slice]) -> str:
    by_day: dict[date, list[int]] = {}
    for day, batch_id in slices:
        by_day.setdefault(day, []).append(batch_id)
    return " OR ".join(
        f"(intDiv(toUInt32(event_time), 86400) = {(day - _EPOCH).days} AND batch_id IN ({', '.join(map(str, batch_ids))}))"
        for day, batch_ids in by_day.items()
    )


def _one(day: date) -> Days:
    return Days(day, day + timedelta(days=1))


def _seconds(days: Days) -> dict[str, int]:
    """Epoch seconds that bound the days."""

    def seconds(day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

    return {"start": seconds(days.start or _EPOCH), "end": seconds(days.end) if days.end else 2**32 - 1}
