"""Fill gaps: book records below their partition's progress that no batch has booked, with the metering use case itself.

A record is fresh when no booked range holds it, whatever the progress says; that is asked under the partition's lock, which
every booking takes, so a gap is filled once however many try.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from domain.attribution import RatingConfig
from domain.metering import Partition, Prepared, Settled
from invoicing.meter_usage import Metered, MeterUsage
from invoicing.metering_ports import Balance, MeteringStore, MeteringTransaction, OffsetRange, Position
from invoicing.records import Record
from invoicing.replay_ports import OffsetSpan, ReplayedBooks


class GapFiller:
    """Books records of gaps, one run of one partition at a time, in the order of their offsets."""

    def __init__(self, store: MeteringStore, books: ReplayedBooks, metering: Callable[[MeteringStore], MeterUsage]) -> None:
        self._store = store
        self._books = books
        self._metering = metering

    def book(self, records: Sequence[Record]) -> Metered:
        """Book a run of records, unless a range that holds any of them was booked meanwhile."""
        span = OffsetSpan(records[0].origin.offset, records[-1].origin.offset + 1)
        return self._metering(_StoreForGap(self._store, self._books, span)).meter(records)


class _StoreForGap:
    """The metering store, answering for one span by the booked ranges."""

    def __init__(self, store: MeteringStore, books: ReplayedBooks, span: OffsetSpan) -> None:
        self._store = store
        self._books = books
        self._span = span

    def config(self) -> RatingConfig:
        """The present truth to rate with."""
        return self._store.config()

    @contextmanager
    def begin(self) -> Iterator[MeteringTransaction]:
        """A transaction, as the store's."""
        with self._store.begin() as transaction:
            yield _TransactionForGap(transaction, self._books, self._span)

    def balances(self, account_ids: Sequence[int]) -> list[Balance]:
        """Committed balances of some accounts."""
        return self._store.balances(account_ids)

    def all_balances(self) -> list[Balance]:
        """Committed balances of every wallet."""
        return self._store.all_balances()


class _TransactionForGap:
    def __init__(self, transaction: MeteringTransaction, books: ReplayedBooks, span: OffsetSpan) -> None:
        self._transaction = transaction
        self._books = books
        self._span = span

    def open(self, prepared: Prepared, partitions: Sequence[Partition], *, counted: Collection[bytes]) -> Position:
        position = self._transaction.open(prepared, partitions, counted=counted)
        booked: dict[Partition, int] = {}
        for topic, number in partitions:
            covered = self._books.covered(topic, number, self._span)
            if covered:
                booked[topic, number] = max(span.following for span in covered)
        return replace(position, next_offsets=booked)

    def save(self, settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> list[Balance]:
        return self._transaction.save(settled, ranges)
