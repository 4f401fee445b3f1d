"""Release quarantine: events that waited go through the same path again, from the topic, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from domain.usage import WaitReason
from invoicing.sending_again import Choice, EventToSend, Place, Resender


class Quarantine(Protocol):
    """The events that wait."""

    def release(self, choice: Choice, *, without: str | None, released_at: datetime, limit: int) -> int:
        """Let waiting events go, but none that wait for the reason `without`. Returns how many.

        Gives up their identities, so that they can be booked.
        """

    def count_waiting(self, choice: Choice) -> int:
        """How many events wait, of those chosen."""

    def to_send(self, *, limit: int) -> Sequence[EventToSend]:
        """Released events not sent yet, oldest first; also those of a release that broke off."""

    def mark_sent(self, places: Mapping[int, Place], *, sent_at: datetime) -> None:
        """These are on their topic, there. May be called twice."""


@dataclass(frozen=True, slots=True)
class Released:
    """How many events were sent again, and how many were left because a person has to decide about them."""

    released: int
    left_too_late: int


def release_quarantine(quarantine: Quarantine, resender: Resender, *, choice: Choice, now: datetime) -> Released:
    """Release what waits, of those chosen, and send it.

    Events that are too late would only wait again, so they are left unless their reason is chosen, after the limit was
    raised.
    Broken off anywhere and run again, it sends what was not sent; what is sent twice is counted once.
    """
    without = None if choice.reason == WaitReason.TOO_LATE else WaitReason.TOO_LATE
    while quarantine.release(choice, without=without, released_at=now, limit=CHUNK):
        pass
    sent = send_released(quarantine, resender, now=now)
    too_late = replace(choice, reason=WaitReason.TOO_LATE)
    left = quarantine.count_waiting(too_late) if without is not None and choice.reason is None else 0
    return Released(sent, left)


def send_released(quarantine: Quarantine, resender: Resender, *, now: datetime) -> int:
    """Send what was released and not sent yet. Returns how many events were sent."""
    sent = 0
    while events := quarantine.to_send(limit=CHUNK):
        places = resender.send(events)
        quarantine.mark_sent({event.id: place for event, place in zip(events, places, strict=True)}, sent_at=now)
        sent += len(events)
    return sent


CHUNK: Final = 1_000
