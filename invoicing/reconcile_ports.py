"""What reconciling needs: the usage of the books and of the warehouse, summed up the same way on both sides."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Days:
    """UTC days of event time, from `start` up to but not including `end`; None is open."""

    start: date | None = None
    end: date | None = None


class Slice(NamedTuple):
    """Events of one UTC day, of the batches from `first_batch` on, as many as the query was wide."""

    day: date
    first_batch: int


@dataclass(frozen=True, slots=True)
class Sums:
    """A slice in figures: exact sums, and the exclusive-or of the digests of its rows (what is digested: `UsageRow`)."""

    events: int
    quantity_millionths: int
    amount_micros: int
    digest: int


class UsageRow(NamedTuple):
    """What of an event is compared. The rest of its columns follows from it, or is for grouping only."""

    event_key: str
    time_millis: int
    account: str
    alias: str
    meter: str
    quantity_millionths: int
    amount_micros: int


class BookedUsage(Protocol):
    """The books' side."""

    def hold_repair(self) -> AbstractContextManager[bool]:
        """Try to become the one repairer; False when another process is."""

    def on_their_way(self) -> int:
        """How many batches are booked and not sent yet."""

    def sums(self, days: Days, *, width: int, batches: range | None = None, sent: bool = True) -> Mapping[Slice, Sums]:
        """Figures by day and `width` batches: of those marked as sent, or with sent=False of all."""

    def rows(self, day: date, batch_ids: Sequence[int]) -> Mapping[int, Sequence[UsageRow]]:
        """Rows of some batches of a day, by batch."""

    def lines(self, day: date, batch_ids: Sequence[int]) -> Sequence[str]:
        """The same as the warehouse takes them."""


class WarehousedUsage(Protocol):
    """The warehouse's side: rows as they lie there, so that a double is two."""

    def sums(self, days: Days, *, width: int, batches: range | None = None) -> Mapping[Slice, Sums]:
        """Figures by day and `width` batches."""

    def rows(self, day: date, batch_ids: Sequence[int]) -> Mapping[int, Sequence[UsageRow]]:
        """Rows of some batches of a day, by batch."""

    def missing(self, batch_ids: Sequence[int], rows: Sequence[str]) -> Sequence[str]:
        """Those of these lines of these batches that are not there."""

    def insert(self, rows: Sequence[str]) -> None:
        """Add lines. Failing means some may have been added."""

    def remove(self, slices: Sequence[Slice]) -> int:
        """Take out every row of these single batches of their day, and wait until they are gone. Returns how many."""
