"""Sending events again: which ones an operator chose, and the port that puts their bytes back on their topic."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Choice:
    """Which refused events are meant: those that fit everything that is set; all when nothing is."""

    ids: Sequence[int] | None = None
    alias: str | None = None
    reason: str | None = None
    topic: str | None = None
    start: datetime | None = None
    """Received at or after this instant."""
    end: datetime | None = None
    """Received before this instant."""

    @property
    def is_everything(self) -> bool:
        """Nothing was set."""
        return self == Choice()


@dataclass(frozen=True, slots=True)
class EventToSend:
    """One event's bytes and the topic they came from.

    With a key, Kafka chooses the partition by it; without one, `partition` says which.
    """

    id: int
    topic: str
    payload: bytes = field(repr=False)
    key: str | None = None
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event was put."""

    partition: int
    offset: int


class Resender(Protocol):
    """Puts events back on their topic."""

    def send(self, events: Sequence[EventToSend]) -> Sequence[Place]:
        """Send and wait for every acknowledgement; returns the places in the same order.

        May send twice: the metering worker counts an event once.
        """
