"""Publish usage: what a batch booked goes on to topics and to the warehouse, from the books and never from memory.

Each destination has its own mark on the batch. A crash between sending and marking sends again: the warehouse is asked
first what it has, so its rows count once; topics are at-least-once, their records carry the event's identity.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RatedBatch:
    """Rated events of one batch in the forms their receivers take: nobody makes an object of each (docs/adr/0004)."""

    batch_id: int
    records: dict[int, list[str]]
    """CloudEvents in JSON, in the order they were booked, by the partition of their account."""
    rows: list[str]
    """Lines as the warehouse takes them: of events, then of their further parts."""


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """A dead letter or a conflicting event, with its bytes and where it came from."""

    topic: str
    partition: int
    offset: int
    index: int | None
    reason: str
    detail: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Announcement:
    """What some batches have to tell the topics."""

    batch_ids: Sequence[int]
    rated: Sequence[RatedBatch]
    dead_letters: Sequence[RefusedEvent]
    conflicts: Sequence[RefusedEvent]


class Outbox(Protocol):
    """The books as a queue: batches without their mark. One process at a time holds each destination."""

    def hold(self, destination: str) -> AbstractContextManager[bool]:
        """Try to become the one sender of a destination; False when another process is."""

    def unannounced(self, *, events_max: int) -> Announcement | None:
        """The oldest batches not yet on their topics, about `events_max` events; None when there are none."""

    def unwarehoused(self, *, events_max: int) -> tuple[Sequence[int], Sequence[str]] | None:
        """The oldest batches not yet in the warehouse, with their rows; None when there are none."""

    def mark_announced(self, batch_ids: Sequence[int]) -> None:
        """These are on their topics. May be called twice."""

    def mark_warehoused(self, batch_ids: Sequence[int]) -> None:
        """These are in the warehouse. May be called twice."""


class Announcer(Protocol):
    """The topics others read."""

    def announce(self, announcement: Announcement) -> None:
        """Send and wait until every record is acknowledged. Failing means some may have been sent."""


class Warehouse(Protocol):
    """The analysts' copy."""

    def keys_of(self, batch_ids: Sequence[int]) -> set[tuple[int, str]]:
        """Batch and identity of the events of these batches that are there already; one identity may be in two batches."""

    def missing(self, batch_ids: Sequence[int], rows: Sequence[str]) -> Sequence[str]:
        """Those of the rows of these batches that are not there yet."""

    def insert(self, rows: Sequence[str]) -> None:
        """Add rows. Failing means some may have been added, each as a whole."""


def announce_next(outbox: Outbox, announcer: Announcer, *, events_max: int) -> int | None:
    """Send the oldest unannounced batches to their topics. Returns the events sent, None when all is announced."""
    announcement = outbox.unannounced(events_max=events_max)
    if announcement is None:
        return None
    announcer.announce(announcement)
    outbox.mark_announced(announcement.batch_ids)
    return sum(len(batch.rows) for batch in announcement.rated)


def warehouse_next(outbox: Outbox, warehouse: Warehouse, *, events_max: int, certain: bool) -> int | None:
    """Add the oldest unmarked batches to the warehouse. Returns the events added, None when all is there.

    `certain` is False when an earlier attempt may have added events without marking them: then it is asked first.
    """
    found = outbox.unwarehoused(events_max=events_max)
    if found is None:
        return None
    batch_ids, rows = found
    if not certain:
        rows = warehouse.missing(batch_ids, rows)
    if rows:
        warehouse.insert(rows)
    outbox.mark_warehoused(batch_ids)
    return len(rows)
