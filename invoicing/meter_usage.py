"""Meter usage: a batch of Kafka records becomes rated events, debits and refusals in one transaction.

Everything is decided before or inside the transaction; after it commits, the batch may be acknowledged. Called again with
the same records (a redelivery), it books nothing and only tells the balances again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from domain.attribution import RatingConfig
from domain.errors import EngineUnavailable
from domain.metering import (
    DeadLetter,
    Outcome,
    Partition,
    Prepared,
    ReceivedEvent,
    Settled,
    Usage,
    prepare,
    repeats_a_day_apart,
    settle,
)
from domain.usage import TimeWindow
from invoicing.metering_ports import AlreadyCounted, Balance, MeteringStore, OffsetRange, Outdated
from invoicing.poison import Poison
from invoicing.records import Record

Decoder = Callable[[Iterable[Record]], tuple[list[ReceivedEvent], list[DeadLetter]]]


@dataclass(frozen=True, slots=True)
class Metered:
    """What a call did: how many events ended how, and the balances to tell."""

    outcomes: Mapping[Outcome, int]
    redelivered_records: int
    balances: Sequence[Balance]
    rated: Sequence[Usage] = ()
    """The events that were rated now: those whose holds are settled."""


@dataclass(slots=True)
class Batch:
    """Records read, attributed and given their price as far as that goes without the books."""

    records: Sequence[Record]
    config: RatingConfig
    prepared: Prepared | None = None
    """None when something nobody foresaw kept the batch from being prepared."""
    fresh: Sequence[Record] = ()
    redelivered: Sequence[Record] = ()


@dataclass(slots=True)
class MeterUsage:
    """The use case, with the truth it rates with kept in memory between batches.

    One thread may `prepare` a batch while another is in `book` with the one before: neither waits for the other.
    """

    store: MeteringStore
    decode: Decoder
    window: TimeWindow
    _config: RatingConfig | None = None
    _next_offsets: dict[Partition, int] = field(default_factory=dict)
    _poison: Poison = field(default_factory=Poison)

    def meter(self, records: Sequence[Record]) -> Metered:
        """Prepare and book a batch."""
        return self.book(self.prepare(records))

    def prepare(self, records: Sequence[Record]) -> Batch:
        """Read a batch and decide what can be decided without the books. Asks the store only when it is the first."""
        if self._config is None:
            self._config = self.store.config()
        try:
            return self._prepare(records, self._config)
        except Exception:  # noqa: BLE001 - booking meets it again, and finds the event to blame
            return Batch(records, config=self._config)

    def book(self, batch: Batch) -> Metered:
        """Book a batch. Raises what the store raises; nothing was booked then, or a repetition will find it booked.

        A batch that cannot be booked for a reason nobody foresaw is split until only the events to blame are left, and
        these become dead letters (invoicing/poison.py).
        """
        if len(batch.records) > 1 and batch.prepared is not None and repeats_a_day_apart(batch.prepared):
            return self._book_in_halves(batch.records)
        try:
            metered = self._book(batch)
        except EngineUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - raised again when it is not an event's fault
            return self._book_around(batch, error)
        self._poison.nothing_wrong()
        return metered

    def _book_around(self, batch: Batch, error: Exception) -> Metered:
        records = batch.records
        if len(records) > 1:
            return self._book_in_halves(records)
        self._blame(records[0], error)
        metered = self._book(Batch(records, config=batch.config))
        self._poison.forget(records[0])
        return metered

    def _book_in_halves(self, records: Sequence[Record]) -> Metered:
        half = len(records) // 2
        return _both(*(self.book(self.prepare(part)) for part in (records[:half], records[half:])))

    def _blame(self, record: Record, error: Exception) -> None:
        """Find which events of a record cannot be booked, by trying each alone; all of them when each alone could be."""
        try:
            events, _ = self.decode([record])
        except Exception as unreadable:  # noqa: BLE001 - whatever it is, this record causes it
            self._poison.blame_record(record, unreadable)
            return
        blamed = []
        for item in events:
            try:
                self._rehearse(record, item)
            except EngineUnavailable:
                raise
            except Exception as alone:  # noqa: BLE001 - whatever it is, this event causes it
                blamed.append((item, alone))
        for item, cause in blamed or [(item, error) for item in events]:
            self._poison.blame_event(item, cause)

    def _rehearse(self, record: Record, item: ReceivedEvent) -> None:
        """Book one event and undo it. Raises what booking it raises."""
        config = self.store.config()
        prepared = prepare([item], config, self.window)
        ranges = _ranges([record])
        try:
            with suppress(_Undone, AlreadyCounted), self.store.begin() as transaction:
                position = transaction.open(prepared, list(ranges), counted=())
                transaction.save(settle(prepared, position.known, position.totals, remembered=position.remembered), ranges)
                raise _Undone
        except Outdated:
            self._rehearse(record, item)

    def _book(self, batch: Batch) -> Metered:
        """The transaction is tried with what is known in memory and thrown away when the database says that any of it is
        stale: the configuration, how far a partition is booked, or that an old event was counted before.
        """
        counted: dict[bytes, bytes] = {}
        if batch.prepared is None:
            batch = self._prepare(batch.records, batch.config)
        while True:
            try:
                settled, balances = self._attempt(batch, counted)
            except AlreadyCounted as answer:
                counted.update(answer.known)
            except Outdated:
                continue
            except _Stale as stale:
                self._next_offsets.update(stale.next_offsets)
                if stale.config_version != batch.config.version:
                    self._config = self.store.config()
                batch = self._prepare(batch.records, self._config or batch.config)
            else:
                balances = [*balances, *self._again(batch)]
                return Metered(_count(settled), len(batch.redelivered), balances, settled.rated)

    def _prepare(self, records: Sequence[Record], config: RatingConfig) -> Batch:
        fresh: list[Record] = []
        redelivered: list[Record] = []
        for record in records:
            (fresh if self._is_fresh(record) else redelivered).append(record)
        readable, unreadable = self._poison.take_records(fresh)
        events, dead = self.decode(readable)
        events, unbookable = self._poison.take_events(events)
        prepared = prepare(events, config, self.window)
        prepared.dead_letters += [*dead, *unreadable, *unbookable]
        return Batch(records, config, prepared, fresh, redelivered)

    def _is_fresh(self, record: Record) -> bool:
        origin = record.origin
        return origin.offset >= self._next_offsets.get((origin.topic, origin.partition), 0)

    def _attempt(self, batch: Batch, counted: Mapping[bytes, bytes]) -> tuple[Settled, list[Balance]]:
        prepared = batch.prepared
        if prepared is None or not batch.fresh:
            return Settled(), []
        ranges = _ranges(batch.fresh)
        with self.store.begin() as transaction:
            position = transaction.open(prepared, list(ranges), counted=counted.keys())
            behind = {
                partition: offset
                for partition, offset in position.next_offsets.items()
                if offset > ranges[partition].first_offset
            }
            if behind or position.config_version != batch.config.version:
                raise _Stale(position.config_version, behind)
            known = {**position.known, **counted} if counted else position.known
            settled = settle(prepared, known, position.totals, remembered=position.remembered)
            balances = transaction.save(settled, ranges)
        self._next_offsets.update({partition: span.next_offset for partition, span in ranges.items()})
        return settled, balances

    def _again(self, batch: Batch) -> Sequence[Balance]:
        """Balances of what was booked before: its first delivery may have died between commit and telling the cache."""
        if not batch.redelivered:
            return []
        events, _ = self.decode(batch.redelivered)
        aliases = {item.event.subject for item in events}
        # Of every account an alias ever named: it may have moved, and the events of a batch lie on both sides of it.
        spans = [span for alias in aliases for span in batch.config.aliases.get(alias, ())]
        return self.store.balances(sorted({span.account.account_id for span in spans}))


def _count(settled: Settled) -> dict[Outcome, int]:
    return {
        Outcome.RATED: len(settled.rated),
        Outcome.DUPLICATE: len(settled.duplicates),
        Outcome.CONFLICT: len(settled.conflicts),
        Outcome.QUARANTINED: len(settled.waiting),
        Outcome.DEAD_LETTERED: len(settled.dead_letters),
    }


def _both(one: Metered, other: Metered) -> Metered:
    outcomes = {kind: one.outcomes[kind] + other.outcomes[kind] for kind in one.outcomes}
    return Metered(
        outcomes,
        one.redelivered_records + other.redelivered_records,
        [*one.balances, *other.balances],
        [*one.rated, *other.rated],
    )


class _Undone(Exception):
    """Ends a rehearsal: what was written is rolled back."""


class _Stale(Exception):
    """What was known in memory is not what the database says."""

    def __init__(self, config_version: int, next_offsets: Mapping[Partition, int]) -> None:
        super().__init__("stale")
        self.config_version = config_version
        self.next_offsets = next_offsets


def _ranges(records: Iterable[Record]) -> dict[Partition, OffsetRange]:
    offsets: dict[Partition, list[int]] = {}
    for partition, run in groupby([record.origin for record in records], key=itemgetter(0, 1)):
        offsets.setdefault(partition, []).extend([origin[2] for origin in run])
    return {partition: OffsetRange(min(found), max(found) + 1, len(found)) for partition, found in offsets.items()}
