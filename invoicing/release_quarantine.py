"""Release quarantine: events that waited go through the same path again, from the topic, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """A quarantined event to be sent again."""

    quarantine_id: int
    topic: str
    key: str
    payload: bytes


class Quarantine(Protocol):
    """The events that wait."""

    def release(self, *, alias: str | None, reason: str | None, released_at: datetime, limit: int) -> int:
        """Let waiting events go: gives up their identities, so that they can be booked. Returns how many."""

    def to_send(self, *, limit: int) -> Sequence[WaitingEvent]:
        """Released events not sent yet, oldest first; also those of a release that broke off."""

    def mark_sent(self, quarantine_ids: Sequence[int], *, sent_at: datetime) -> None:
        """These are on their topic. May be called twice."""


class Resender(Protocol):
    """Puts events back on their topic."""

    def send(self, events: Sequence[WaitingEvent]) -> None:
        """Send and wait for every acknowledgement. May send twice: the metering worker counts once."""


def release_quarantine(
    quarantine: Quarantine, resender: Resender, *, alias: str | None, reason: str | None, now: datetime
) -> int:
    """Release what waits, for one alias or reason or for all, and send it. Returns how many events were sent.

    Broken off anywhere and run again, it sends what was not sent; what is sent twice is counted once.
    """
    sent = 0
    while quarantine.release(alias=alias, reason=reason, released_at=now, limit=_CHUNK):
        pass
    while events := quarantine.to_send(limit=_CHUNK):
        resender.send(events)
        quarantine.mark_sent([event.quarantine_id for event in events], sent_at=now)
        sent += len(events)
    return sent


_CHUNK = 1_000
