"""What replaying a topic needs from the world: the log itself, what the books know of it, and what is told again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.metering import DeadLetter, ReceivedEvent
from invoicing.records import Record


@dataclass(frozen=True, slots=True, order=True)
class OffsetSpan:
    """Offsets from `first` up to but not including `following`."""

    first: int
    following: int


class TopicLog(Protocol):
    """One topic as Kafka keeps it."""

    def spans(self, *, start: datetime | None, end: datetime | None, partition: int | None) -> Mapping[int, OffsetSpan]:
        """By partition: the offsets of records appended in [start, end) that Kafka still has; empty spans are left out."""

    def read(self, partition: int, span: OffsetSpan) -> Iterator[Sequence[Record]]:
        """The records of a span in order, some at a time. Raises EngineUnavailable unless it reached the end."""


class ReplayedBooks(Protocol):
    """What the books know of a topic's offsets."""

    def next_offset(self, topic: str, partition: int) -> int:
        """How far a partition is booked; 0 when nothing is."""

    def covered(self, topic: str, partition: int, span: OffsetSpan) -> Sequence[OffsetSpan]:
        """The ranges that are booked, or known to be vacant, and meet a span; in order, not cut to it."""

    def unaccounted(self, topic: str, events: Sequence[ReceivedEvent], dead: Sequence[DeadLetter]) -> Sequence[int]:
        """Offsets of events and dead letters of booked ranges that are nowhere in the books, one for each."""

    def add_vacant(self, topic: str, partition: int, spans: Sequence[OffsetSpan], *, found_at: datetime) -> None:
        """Kafka was read here and has no record. May be called twice."""

    def batches(self, topic: str, partition: int, span: OffsetSpan) -> Sequence[int]:
        """The batches that booked offsets of a span."""

    def rated_in(self, batch_ids: Sequence[int]) -> Mapping[int, set[UUID]]:
        """The identities rated in each of some batches."""

    def accounts_of(self, batch_ids: Sequence[int]) -> Sequence[int]:
        """The accounts that some batches rated events for."""

    def publish_again(self, *, to_topics: Sequence[int], to_warehouse: Sequence[int]) -> None:
        """Take the marks off batches, so that the publisher sends them again."""
