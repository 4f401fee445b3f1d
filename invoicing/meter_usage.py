"""Meter usage: a batch of Kafka records becomes rated events, debits and refusals in one transaction.

Everything is decided before or inside the transaction; after it commits, the batch may be acknowledged. Called again with
the same records (a redelivery), it books nothing and only tells the balances again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.attribution import RatingConfig
from domain.metering import DeadLetter, Outcome, Partition, ReceivedEvent, Settled, prepare, settle
from domain.usage import TimeWindow
from invoicing.metering_ports import AlreadyCounted, Balance, MeteringStore, OffsetRange
from invoicing.records import Record

Decoder = Callable[[Iterable[Record]], tuple[list[ReceivedEvent], list[DeadLetter]]]


@dataclass(frozen=True, slots=True)
class Metered:
    """What a call did: how many events ended how, and the balances to tell."""

    outcomes: Mapping[Outcome, int]
    redelivered_records: int
    balances: Sequence[Balance]


@dataclass(slots=True)
class MeterUsage:
    """The use case, with the truth it rates with kept in memory between batches."""

    store: MeteringStore
    decode: Decoder
    window: TimeWindow
    _config: RatingConfig | None = None
    _next_offsets: dict[Partition, int] = field(default_factory=dict)

    async def meter(self, records: Sequence[Record]) -> Metered:
        """Book a batch. Raises what the store raises; nothing was booked then, or a repetition will find it booked.

        The transaction is tried with what is known in memory and thrown away when the database says that any of it is
        stale: the configuration, how far a partition is booked, or that an old event was counted before.
        """
        config = self._config or await self.store.config()
        counted: dict[bytes, bytes] = {}
        while True:
            fresh: list[Record] = []
            redelivered: list[Record] = []
            for record in records:
                (fresh if self._is_fresh(record) else redelivered).append(record)
            events, dead = self.decode(fresh)
            try:
                done = await self._attempt(fresh, events, dead, config, counted)
            except AlreadyCounted as answer:
                counted.update(answer.known)
                continue
            except _Stale as stale:
                self._next_offsets.update(stale.next_offsets)
                if stale.config_version != config.version:
                    config = await self.store.config()
                continue
            self._config = config
            settled, balances = done
            return Metered(_count(settled), len(redelivered), [*balances, *await self._again(redelivered, config)])

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Drop what is remembered of partitions another worker may book from now on."""
        for partition in partitions:
            self._next_offsets.pop(partition, None)

    def _is_fresh(self, record: Record) -> bool:
        origin = record.origin
        return origin.offset >= self._next_offsets.get((origin.topic, origin.partition), 0)

    async def _attempt(
        self,
        fresh: Sequence[Record],
        events: list[ReceivedEvent],
        dead: list[DeadLetter],
        config: RatingConfig,
        counted: Mapping[bytes, bytes],
    ) -> tuple[Settled, list[Balance]]:
        if not fresh:
            return Settled(), []
        prepared = prepare(events, config, self.window)
        prepared.dead_letters.extend(dead)
        ranges = _ranges(fresh)
        async with self.store.begin() as transaction:
            position = await transaction.open(prepared, list(ranges), counted=counted.keys())
            behind = {
                partition: offset
                for partition, offset in position.next_offsets.items()
                if offset > ranges[partition].first_offset
            }
            if behind or position.config_version != config.version:
                raise _Stale(position.config_version, behind)
            settled = settle(prepared, {**position.known, **counted} if counted else position.known, position.totals)
            balances = await transaction.save(settled, ranges)
        self._next_offsets.update({partition: span.next_offset for partition, span in ranges.items()})
        return settled, balances

    async def _again(self, redelivered: Sequence[Record], config: RatingConfig) -> Sequence[Balance]:
        """Balances of what was booked before: its first delivery may have died between commit and telling the cache."""
        if not redelivered:
            return []
        events, _ = self.decode(redelivered)
        named = {item.event.subject: config.account_at(item.event.subject, item.event.time_micros) for item in events}
        return await self.store.balances(sorted({account.account_id for account in named.values() if account is not None}))


def _count(settled: Settled) -> dict[Outcome, int]:
    return {
        Outcome.RATED: len(settled.rated),
        Outcome.DUPLICATE: len(settled.duplicates),
        Outcome.CONFLICT: len(settled.conflicts),
        Outcome.QUARANTINED: len(settled.waiting),
        Outcome.DEAD_LETTERED: len(settled.dead_letters),
    }


class _Stale(Exception):
    """What was known in memory is not what the database says."""

    def __init__(self, config_version: int, next_offsets: Mapping[Partition, int]) -> None:
        super().__init__("stale")
        self.config_version = config_version
        self.next_offsets = next_offsets


def _ranges(records: Iterable[Record]) -> dict[Partition, OffsetRange]:
    spans: dict[Partition, list[int]] = {}
    for record in records:
        origin = record.origin
        span = spans.setdefault((origin.topic, origin.partition), [origin.offset, origin.offset, 0])
        span[0] = min(span[0], origin.offset)
        span[1] = max(span[1], origin.offset)
        span[2] += 1
    return {partition: OffsetRange(first, last + 1, count) for partition, (first, last, count) in spans.items()}
