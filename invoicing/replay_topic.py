"""Replay a topic: read a time range of Kafka again, prove what was booked, book what was not, and tell the results again.

Each record of the range is one of three. Its offset lies in a booked range: then nothing is booked, and each of its events
must be found in the books. It lies below what the worker has done, in no range: it is booked now, by the metering use
case, once. It lies ahead of the worker: then it is left to it. A topic no worker reads has nothing ahead.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from domain.metering import Outcome
from invoicing.fill_gaps import GapFiller
from invoicing.meter_usage import Decoder
from invoicing.metering_ports import BalanceCache, MeteringStore
from invoicing.publish_usage import Warehouse
from invoicing.records import Record
from invoicing.replay_ports import OffsetSpan, ReplayedBooks, TopicLog


@dataclass(slots=True)
class PartitionReplay:
    """What was found in one partition; counts are records unless they say otherwise."""

    partition: int
    span: OffsetSpan
    read: int = 0
    booked_before: int = 0
    missing: int = 0
    """In no booked range; booked now unless this was a dry run."""
    left_to_worker: int = 0
    vacant_offsets: int = 0
    """Offsets that no batch booked and Kafka has no record at."""
    unaccounted: list[int] = field(default_factory=list)
    """Offsets of events that lie in a booked range and are nowhere in the books: a fault."""
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    """How the events booked now ended."""


@dataclass(slots=True)
class TopicReplay:
    """What a replay found and did."""

    topic: str
    partitions: list[PartitionReplay]
    balances_told: int = 0
    batches_announced_again: int = 0
    batches_warehoused_again: int = 0


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where results are told again."""

    store: MeteringStore
    cache: BalanceCache
    warehouse: Warehouse


@dataclass(frozen=True, slots=True)
class ReplayTopic:
    """The use case on one topic; `read_by_worker` says whether what lies ahead of the books will be booked by a worker."""

    topic: str
    log: TopicLog
    books: ReplayedBooks
    decode: Decoder
    filler: GapFiller
    read_by_worker: bool

    def run(
        self,
        *,
        start: datetime | None,
        end: datetime | None,
        partition: int | None,
        destinations: Destinations | None,
        now: datetime,
    ) -> TopicReplay:
        """Replay; without destinations it is a dry run, which changes nothing and tells nobody."""
        spans = self.log.spans(start=start, end=end, partition=partition)
        replay = TopicReplay(self.topic, [])
        for number, span in sorted(spans.items()):
            replay.partitions.append(self._partition(number, span, dry=destinations is None, now=now))
        if destinations is not None:
            self._tell(replay, destinations)
        return replay

    def _partition(self, number: int, span: OffsetSpan, *, dry: bool, now: datetime) -> PartitionReplay:
        found = PartitionReplay(number, span)
        due = min(span.following, self.books.next_offset(self.topic, number)) if self.read_by_worker else span.following
        covered = self.books.covered(self.topic, number, span)
        seen: set[int] = set()
        for records in self.log.read(number, span):
            found.read += len(records)
            for state, run in _runs(records, covered, due):
                if state == "booked":
                    found.booked_before += len(run)
                    found.unaccounted += self.books.unaccounted(self.topic, *self.decode(run))
                elif state == "ahead":
                    found.left_to_worker += len(run)
                else:
                    found.missing += len(run)
                    seen.update(record.origin.offset for record in run)
                    if not dry:
                        found.outcomes.update(self.filler.book(run).outcomes)
        vacant = self._vacant(number, OffsetSpan(span.first, due), seen)
        found.vacant_offsets = sum(empty.following - empty.first for empty in vacant)
        if not dry:
            self.books.add_vacant(self.topic, number, vacant, found_at=now)
        return found

    def _vacant(self, number: int, due: OffsetSpan, seen: set[int]) -> list[OffsetSpan]:
        """Offsets of a span that was read to its end, without a booked range and without a record."""
        if due.following <= due.first:
            return []
        taken = sorted([*self.books.covered(self.topic, number, due), *(OffsetSpan(one, one + 1) for one in seen)])
        empty = []
        reached = due.first
        for span in taken:
            if span.first > reached:
                empty.append(OffsetSpan(reached, span.first))
            reached = max(reached, span.following)
        if reached < due.following:
            empty.append(OffsetSpan(reached, due.following))
        return empty

    def _tell(self, replay: TopicReplay, destinations: Destinations) -> None:
        batches: set[int] = set()
        for found in replay.partitions:
            batches.update(self.books.batches(self.topic, found.partition, found.span))
        for batch_ids in _chunks(sorted(batches)):
            balances = destinations.store.balances(self.books.accounts_of(batch_ids))
            destinations.cache.put(balances)
            replay.balances_told += len(balances)
            lacking = self._lacking(batch_ids, destinations.warehouse)
            self.books.publish_again(to_topics=batch_ids, to_warehouse=lacking)
            replay.batches_announced_again += len(batch_ids)
            replay.batches_warehoused_again += len(lacking)

    def _lacking(self, batch_ids: Sequence[int], warehouse: Warehouse) -> list[int]:
        """Batches of which the warehouse has not everything: asked, so that nothing that is there is sent again."""
        there = warehouse.keys_of(batch_ids)
        rated = self.books.rated_in(batch_ids)
        return [number for number, keys in rated.items() if any((number, str(key)) not in there for key in keys)]


def _runs(records: Sequence[Record], covered: Sequence[OffsetSpan], due: int) -> Iterator[tuple[str, list[Record]]]:
    """Records in their order, in runs of one state: booked, missing, ahead. A run of missing ones spans no booked range."""

    firsts = [span.first for span in covered]

    def place(record: Record) -> tuple[str, int]:
        offset = record.origin.offset
        before = bisect_right(firsts, offset)
        if before and offset < covered[before - 1].following:
            return "booked", 0
        return ("missing", before) if offset < due else ("ahead", 0)

    for (state, _), run in groupby(records, key=place):
        yield state, list(run)


def _chunks(batch_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(batch_ids), _BATCHES_AT_ONCE):
        yield batch_ids[start : start + _BATCHES_AT_ONCE]


_BATCHES_AT_ONCE = 200
