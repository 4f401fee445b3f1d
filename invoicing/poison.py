"""Poison: events that cannot be booked for a reason nobody foresaw. They become dead letters, and the rest is booked.

Which events are to blame is found by splitting (invoicing/meter_usage.py) and remembered until they are booked as dead
letters. When that happens to one event after another, the fault is this program's and not theirs, and it is raised; unless
the books are full: then it is theirs, however many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.metering import DeadLetter, Origin, ReceivedEvent
from domain.usage import RefusalReason
from invoicing.metering_ports import TooLarge
from invoicing.records import Record

IN_A_ROW_MAX = 100
_DETAIL_MAX = 400


@dataclass(slots=True)
class Poison:
    """What is known to be poison and not booked as such yet."""

    _records: dict[Origin, str] = field(default_factory=dict)
    _events: dict[tuple[Origin, int], str] = field(default_factory=dict)
    _in_a_row: int = 0

    def blame_record(self, record: Record, error: Exception) -> None:
        """This record cannot even be read. Raises the error when too many in a row could not."""
        self._count(error)
        self._records[record.origin] = unbookable_because(error)

    def blame_event(self, item: ReceivedEvent, error: Exception) -> None:
        """This event cannot be booked. Raises the error when too many in a row could not."""
        self._count(error)
        self._events[item.origin, item.index] = unbookable_because(error)

    def nothing_wrong(self) -> None:
        """A batch was booked as it is."""
        self._in_a_row = 0

    def take_records(self, records: Sequence[Record]) -> tuple[Sequence[Record], list[DeadLetter]]:
        """The records but the blamed, and the blamed as dead letters."""
        if not self._records:
            return records, []
        good = [record for record in records if record.origin not in self._records]
        return good, [
            DeadLetter(origin, None, RefusalReason.UNBOOKABLE, self._records[origin], value)
            for origin, value in records
            if origin in self._records
        ]

    def take_events(self, events: list[ReceivedEvent]) -> tuple[list[ReceivedEvent], list[DeadLetter]]:
        """The events but the blamed, and the blamed as dead letters."""
        if not self._events:
            return events, []
        good, dead = [], []
        for item in events:
            detail = self._events.get((item.origin, item.index))
            if detail is None:
                good.append(item)
            else:
                dead.append(DeadLetter(item.origin, item.index, RefusalReason.UNBOOKABLE, detail, item.payload))
        return good, dead

    def forget(self, record: Record) -> None:
        """What was blamed of this record is booked."""
        self._records.pop(record.origin, None)
        for place in [place for place in self._events if place[0] == record.origin]:
            del self._events[place]

    def _count(self, error: Exception) -> None:
        if isinstance(error, TooLarge):
            return
        self._in_a_row += 1
        if self._in_a_row > IN_A_ROW_MAX:
            raise error


def unbookable_because(error: Exception) -> str:
    """The detail of a dead letter of which nothing else is known."""
    text = f"the event was read but cannot be booked ({type(error).__name__}: {error}): it is kept; tell the operator"
    return text.replace("\0", "\\0")[:_DETAIL_MAX]
