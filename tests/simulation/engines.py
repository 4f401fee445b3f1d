"""The other engines in memory: Kafka's log and group, the balance cache, the warehouse, the topics and the outbox."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from domain.attribution import EPOCH
from domain.errors import EngineUnavailable
from domain.metering import Origin, Partition, Usage
from invoicing.metering_ports import Balance
from invoicing.publish_usage import Announcement, RatedBatch, RefusedEvent
from invoicing.records import Record
from tests.simulation.books import BookedBatch, Books
from tests.simulation.faults import Faults
from tests.simulation.load import Sent

TOPIC = "usage.events"


class RatedEvent(NamedTuple):
    """A rated event as it is written to a topic and to the warehouse here: a line of its fields in JSON."""

    batch_id: int
    event_key: str
    event_micros: int
    event_id: str
    account: str
    meter: str
    amount_micros: int

    def line(self) -> str:
        return json.dumps(self)

    @classmethod
    def of(cls, line: str) -> "RatedEvent":
        return cls(*json.loads(line))


class Log:
    """A topic's partitions and its consumer group: who has which partition, and how far each is committed."""

    def __init__(self, partitions: int) -> None:
        self.records: dict[Partition, list[Record]] = {(TOPIC, number): [] for number in range(partitions)}
        self.committed: dict[Partition, int] = dict.fromkeys(self.records, 0)
        self.owners: dict[Partition, str] = {}
        self.generation = 0

    def append(self, sent: Sent) -> None:
        partition = (TOPIC, sent.partition)
        kept = self.records[partition]
        kept.append(Record(Origin(*partition, len(kept), sent.received_micros), sent.value))

    def rebalance(self, owners: Sequence[str]) -> None:
        """Give each partition an owner; who has not heard of it goes on with what it had."""
        self.generation += 1
        self.owners = dict(zip(self.records, owners, strict=True))

    def commit(self, generation: int, offsets: dict[Partition, int]) -> None:
        """Take over offsets; a member of an earlier generation is refused."""
        if generation == self.generation:
            self.committed.update(offsets)


class MemoryCache:
    """Redis: a balance and a version for each account; keeps the newer."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.balances: dict[int, Balance] = {}

    def put(self, balances: Sequence[Balance]) -> Sequence[Balance]:
        for balance in balances:
            self.faults.step("before telling Redis a balance", engine="Redis")
            present = self.balances.get(balance.account_id)
            if present is None or balance.version > present.version:
                self.balances[balance.account_id] = balance
        self.faults.step("Redis told, its answer on the way", engine="Redis")
        return ()


class MemoryWarehouse:
    """ClickHouse: rows as they were inserted; a reader sees one of those with the same sorting key."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.rows: list[RatedEvent] = []

    def missing(self, batch_ids: Sequence[int], rows: Sequence[str]) -> Sequence[str]:
        self.faults.step("asking ClickHouse", engine="ClickHouse")
        there = {row.line() for row in self.rows if row.batch_id in batch_ids}
        return [row for row in rows if row not in there]

    def insert(self, rows: Sequence[str]) -> None:
        """One monthly part after the other: the insertion is atomic within one only."""
        events = [RatedEvent.of(row) for row in rows]
        for month in sorted({_month(event) for event in events}):
            self.faults.step("before inserting into ClickHouse", engine="ClickHouse")
            self.rows += [event for event in events if _month(event) == month]
        self.faults.step("inserted into ClickHouse, its answer on the way", engine="ClickHouse")

    def final(self) -> dict[tuple[object, ...], RatedEvent]:
        """What a reader sees."""
        return {(row.account, row.meter, row.event_key, row.event_micros): row for row in self.rows}


@dataclass
class MemoryTopics:
    """The topics others read."""

    faults: Faults
    rated: list[RatedEvent] = field(default_factory=list)
    refused: list[RefusedEvent] = field(default_factory=list)

    def announce(self, announcement: Announcement) -> None:
        self._step("before sending to topics")
        records = [batch.records for batch in announcement.rated]
        self.rated += [RatedEvent.of(event) for parts in records for events in parts.values() for event in events]
        self._step("part sent to topics")
        self.refused += [*announcement.dead_letters, *announcement.conflicts]
        self._step("sent to topics, the acknowledgement on the way")

    def _step(self, name: str) -> None:
        self.faults.step(name, engine="Kafka")


class MemoryOutbox:
    """The books as a queue, through a session that the server may end."""

    def __init__(self, books: Books, faults: Faults) -> None:
        self.books = books
        self.faults = faults
        self._lost = False

    @contextmanager
    def hold(self, destination: str) -> Iterator[bool]:
        self._step("taking the sender's lock")
        held = self.books.holders.setdefault(destination, self) is self
        try:
            yield held
        finally:
            self._let_go()

    def unannounced(self, *, events_max: int) -> Announcement | None:
        self._step("reading what is unannounced")
        batches = _oldest([batch for batch in self.books.batches.values() if not batch.announced], events_max)
        if not batches:
            return None
        return Announcement(
            [batch.batch_id for batch in batches],
            _rated(batches),
            [
                RefusedEvent(TOPIC, letter.origin.partition, letter.origin.offset, letter.index, "", "", letter.payload)
                for batch in batches
                for letter in batch.settled.dead_letters
            ],
            [
                RefusedEvent(TOPIC, item.origin.partition, item.origin.offset, item.index, "", "", item.payload)
                for batch in batches
                for item in batch.settled.conflicts
            ],
        )

    def unwarehoused(self, *, events_max: int) -> tuple[Sequence[int], Sequence[str]] | None:
        self._step("reading what is not in the warehouse")
        batches = _oldest([batch for batch in self.books.batches.values() if not batch.warehoused], events_max)
        rows = [row for rated in _rated(batches) for row in rated.rows]
        return ([batch.batch_id for batch in batches], rows) if batches else None

    def mark_announced(self, batch_ids: Sequence[int]) -> None:
        self._step("before marking as announced")
        for batch_id in batch_ids:
            self.books.batches[batch_id].announced = True
        self._step("marked as announced")

    def mark_warehoused(self, batch_ids: Sequence[int]) -> None:
        self._step("before marking as warehoused")
        for batch_id in batch_ids:
            self.books.batches[batch_id].warehoused = True
        self._step("marked as warehoused")

    def _step(self, name: str) -> None:
        if self._lost:
            self._lost = False
            raise EngineUnavailable("PostgreSQL does not answer: it ended this session")
        self.faults.step(name, engine="PostgreSQL")
        if self.faults.chance(0.02):
            self._let_go()
            self._lost = True

    def _let_go(self) -> None:
        for destination in [name for name, holder in self.books.holders.items() if holder is self]:
            del self.books.holders[destination]


def _oldest(batches: Sequence[BookedBatch], events_max: int) -> list[BookedBatch]:
    chosen: list[BookedBatch] = []
    events = 0
    for batch in batches:
        events += len(batch.settled.rated)
        if chosen and events > events_max:
            break
        chosen.append(batch)
    return chosen


def _rated(batches: Sequence[BookedBatch]) -> list[RatedBatch]:
    lines = {
        batch.batch_id: [event.line() for usage in batch.settled.rated for event in _as_others_see_it(batch.batch_id, usage)]
        for batch in batches
    }
    return [RatedBatch(batch_id, {0: rows}, rows) for batch_id, rows in lines.items()]


def _month(event: RatedEvent) -> str:
    return (EPOCH + timedelta(microseconds=event.event_micros)).strftime("%Y-%m")


def _as_others_see_it(batch_id: int, usage: Usage) -> Iterator[RatedEvent]:
    """An event with its first part, and each of its further parts."""
    event = usage.received.event
    key = str(UUID(bytes=event.key))
    about = (event.time_micros, event.id, usage.account.code, event.meter)
    yield RatedEvent(batch_id, key, *about, usage.amount_micros)
    for part in usage.further:
        _, _, charge_id, cell = part.place.total_key
        yield RatedEvent(batch_id, f"{key}/{charge_id}/{cell}", *about, part.amount_micros)
