"""Received events: a well-formed event with its place in the log and its bytes."""

from dataclasses import dataclass
from typing import NamedTuple

from domain.usage import UsageEvent


class Origin(NamedTuple):
    """Where a record came from. `received_micros` is Kafka's append time, microseconds since the Unix epoch."""

    topic: str
    partition: int
    offset: int
    received_micros: int


@dataclass(slots=True)
class ReceivedEvent:
    """A well-formed event with its place in its record and its bytes."""

    event: UsageEvent
    origin: Origin
    index: int
    payload: bytes
