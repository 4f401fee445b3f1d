"""Receiving payment and config events: their identity, and which of them are new.

The envelope is the usage events' (CloudEvents 1.0), and so are its rules: (source, id) is the identity, a body digest tells
a retry from another event under the same id. What such an event says is in domain/payments.py and domain/config_changes.py.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from domain.metering import DeadLetter, Origin, Outcome, Partition

Fact = TypeVar("Fact")


class Family(StrEnum):
    """The families of events that are received and handed to a use case."""

    PAYMENT = "payment"
    CONFIG = "config"

    @property
    def topic(self) -> str:
        """The family's topic, without the prefix of an installation."""
        return f"{self.value}.events"


@dataclass(slots=True)
class Event:
    """A well-formed envelope. `time_micros` is microseconds since the Unix epoch, UTC; `data_json` has its keys sorted."""

    source: str
    id: str
    type: str
    subject: str
    time_micros: int
    data: dict[str, Any]
    data_json: str
    key: bytes
    body_digest: bytes


@dataclass(slots=True)
class Received(Generic[Fact]):
    """An event, what it says, its place in its record and its bytes."""

    event: Event
    fact: Fact
    origin: Origin
    index: int
    payload: bytes


@dataclass(slots=True)
class Sorted(Generic[Fact]):
    """A batch of events by what becomes of them."""

    accepted: list[Received[Fact]] = field(default_factory=list)
    duplicates: list[Received[Fact]] = field(default_factory=list)
    conflicts: list[Received[Fact]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)

    def counts(self) -> dict[Partition, Counter[Outcome]]:
        """How many events of each partition ended how."""
        ends: list[tuple[Outcome, Iterable[Origin]]] = [
            (Outcome.ACCEPTED, (item.origin for item in self.accepted)),
            (Outcome.DUPLICATE, (item.origin for item in self.duplicates)),
            (Outcome.CONFLICT, (item.origin for item in self.conflicts)),
            (Outcome.DEAD_LETTERED, (letter.origin for letter in self.dead_letters)),
        ]
        counts: dict[Partition, Counter[Outcome]] = {}
        for outcome, origins in ends:
            for origin in origins:
                counts.setdefault((origin.topic, origin.partition), Counter())[outcome] += 1
        return counts


def body_digest(type_: str, subject: str, data_json: str) -> bytes:
    """128 bits of what the event says happened. Time is left out: a retry may carry another one (DESIGN §3.2)."""
    body = f"{type_}\0{subject}\0{data_json}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(body, digest_size=16).digest()


def sort_out(
    received: Iterable[Received[Fact]], dead_letters: list[DeadLetter], known: Mapping[bytes, bytes]
) -> Sorted[Fact]:
    """Decide a batch. `known` maps the identities stored before to their body digests."""
    result: Sorted[Fact] = Sorted(dead_letters=dead_letters)
    digests = dict(known)
    for item in received:
        event = item.event
        stored = digests.get(event.key)
        if stored is None:
            digests[event.key] = event.body_digest
            result.accepted.append(item)
        elif stored == event.body_digest:
            result.duplicates.append(item)
        else:
            result.conflicts.append(item)
    return result
