"""Certify the books: where every event of every partition went, as a page two people can compare by its digest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.errors import BooksDoNotBalance


@dataclass(frozen=True, slots=True)
class RangeCertificate:
    """A run of offsets of one partition without a gap: from `first_offset` up to but not including `next_offset`.

    A partition has one, unless something is missing between two. Counts are events; `records` are Kafka's.
    """

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    records: int
    received: int
    rated: int
    accepted: int
    """Payment and config events; usage is rated."""
    duplicate: int
    conflict: int
    dead_lettered: int
    quarantined: int

    @property
    def conserves(self) -> bool:
        """Every received event ended in exactly one way."""
        ended = self.rated + self.accepted + self.duplicate + self.conflict + self.dead_lettered + self.quarantined
        return self.received == ended

    def canonical(self) -> str:
        """The row as it is digested: a JSON array of its fields in the order above, without blanks."""
        fields = [getattr(self, name) for name in self.__dataclass_fields__]
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class StoredDifference:
    """A batch whose ranges say another number than is stored of one kind."""

    batch_id: int
    kind: str
    ranges_say: int
    stored: int


class Conservation(Protocol):
    """Where events went, as the books have it."""

    def ranges(self, *, start: datetime | None, end: datetime | None) -> Sequence[RangeCertificate]:
        """Runs of offsets without a gap or an overlap, booked in [start, end), by topic, partition and offset."""

    def stored_differences(self, *, start: datetime | None, end: datetime | None) -> Sequence[StoredDifference]:
        """Batches booked in [start, end) whose ranges differ from the rows that are stored."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The conservation certificate (DESIGN §3.3)."""

    start: datetime | None
    end: datetime | None
    ranges: Sequence[RangeCertificate]
    differences: Sequence[StoredDifference]

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical rows, each ended by a line feed. Equal books give equal digests."""
        text = "".join(row.canonical() + "\n" for row in self.ranges)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def faults(self) -> list[str]:
        """One sentence for each thing that does not hold."""
        found = [f"{_place(row)}: {row.received} received, not as many ended" for row in self.ranges if not row.conserves]
        for before, after in zip(self.ranges, self.ranges[1:], strict=False):
            if (before.topic, before.partition) == (after.topic, after.partition):
                found.append(
                    f"{_place(before)}: the next range begins at {after.first_offset} and not at {before.next_offset}"
                )
        found += [
            f"batch {item.batch_id}: its ranges say {item.ranges_say} {item.kind}, {item.stored} are stored"
            for item in self.differences
        ]
        return found

    def facts(self) -> Mapping[str, Any]:
        """The certificate for a program, and for keeping."""
        rows = [{name: getattr(row, name) for name in row.__dataclass_fields__} for row in self.ranges]
        return {
            "from": self.start.isoformat() if self.start else None,
            "to": self.end.isoformat() if self.end else None,
            "holds": not self.faults,
            "sha256": self.digest,
            "faults": self.faults,
            "ranges": rows,
        }


def certify(books: Conservation, *, start: datetime | None, end: datetime | None) -> Certificate:
    """The certificate of what was booked in [start, end); of everything when both are None."""
    return Certificate(start, end, books.ranges(start=start, end=end), books.stored_differences(start=start, end=end))


def require_conservation(certificate: Certificate) -> None:
    """Raises BooksDoNotBalance naming what does not hold."""
    if certificate.faults:
        shown = "; ".join(certificate.faults[:5])
        raise BooksDoNotBalance(f"conservation does not hold: {shown}", faults=certificate.faults)


def _place(row: RangeCertificate) -> str:
    return f"{row.topic}/{row.partition} {row.first_offset}..{row.next_offset}"
