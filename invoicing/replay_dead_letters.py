"""Replay dead letters: their bytes go through the same path again, after what was missing is there, a meter for example."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from invoicing.sending_again import Choice, EventToSend, Place, Resender


class DeadLetters(Protocol):
    """The dead letters."""

    def to_replay(self, choice: Choice, *, again: bool, before: datetime, limit: int) -> Sequence[EventToSend]:
        """Chosen dead letters not replayed yet, oldest first; with `again` also those replayed earlier than `before`."""

    def mark_replayed(self, places: Mapping[int, Place], *, replayed_at: datetime) -> None:
        """Their bytes are on their topic, there. May be called twice."""


def replay_dead_letters(letters: DeadLetters, resender: Resender, *, choice: Choice, again: bool, now: datetime) -> int:
    """Send the bytes of chosen dead letters to their topic. Returns how many were sent.

    A letter is sent once however often this runs, unless `again`. After a crash between sending and marking it is sent
    twice: a valid event is counted once by its identity, and one that is still refused leaves a second letter.
    """
    sent = 0
    while events := letters.to_replay(choice, again=again, before=now, limit=_CHUNK):
        places = resender.send(events)
        letters.mark_replayed({event.id: place for event, place in zip(events, places, strict=True)}, replayed_at=now)
        sent += len(events)
    return sent


_CHUNK = 1_000
