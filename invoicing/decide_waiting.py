"""Decide about events that wait: accept one although it is too late, or reject one for good. A decision is final.

An acceptance is of these bytes at this event time, and of nothing else a producer may send under the same id; workers read
decisions with the configuration, so each batch records which of them it was rated with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from domain.errors import IllegalTransition, InvalidInput
from domain.usage import WaitReason
from invoicing.administer import Author
from invoicing.release_quarantine import CHUNK, Quarantine, send_released
from invoicing.sending_again import Choice, Resender


class Decision(StrEnum):
    """What a person may say about an event that waits."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class DecidedQuarantine(Quarantine, Protocol):
    """The events that wait, and what was decided about them."""

    def decide(self, choice: Choice, decision: Decision, *, author: Author, why: str, limit: int) -> int:
        """Write a decision onto waiting events, with an audit record each. Returns how many.

        An accepted event is released by the same transaction.
        """

    def undecidable(self, ids: Sequence[int], decision: Decision) -> Sequence[tuple[int, str]]:
        """Of some ids: those that neither wait nor have this decision, with what became of them."""


@dataclass(frozen=True, slots=True)
class Decided:
    """How many events were decided about now, and how many were sent to be rated."""

    decided: int
    sent: int


def accept_late(quarantine: DecidedQuarantine, resender: Resender, *, choice: Choice, author: Author, why: str) -> Decided:
    """Let events that are too late be rated. Run again, it decides nothing twice and sends what was not sent."""
    if choice.reason not in (None, WaitReason.TOO_LATE):
        raise InvalidInput(
            f"reason: only events that are too late are accepted; release those that wait for {choice.reason}"
        )
    late = replace(choice, reason=WaitReason.TOO_LATE)
    decided = _decide(quarantine, late, Decision.ACCEPTED, author=author, why=why)
    return Decided(decided, send_released(quarantine, resender, now=author.at))


def reject_waiting(quarantine: DecidedQuarantine, *, choice: Choice, author: Author, why: str) -> Decided:
    """Close events that wait for good: they are kept, counted and listed, and never rated."""
    return Decided(_decide(quarantine, choice, Decision.REJECTED, author=author, why=why), 0)


def _decide(quarantine: DecidedQuarantine, choice: Choice, decision: Decision, *, author: Author, why: str) -> int:
    for name, text in (("by", author.name), ("why", why)):
        if not text.strip():
            raise InvalidInput(
                f"{name}: must say {'who decides' if name == 'by' else 'the reason'}; it goes into the audit log"
            )
    if choice.ids is None and replace(choice, reason=None).is_everything:
        raise InvalidInput("say which events: their ids, or --alias, --topic, --from, --to")
    if choice.ids is not None:
        unfit = quarantine.undecidable(choice.ids, decision)
        if unfit:
            listed = ", ".join(f"{number} {became}" for number, became in unfit)
            raise IllegalTransition(f"nothing was {decision}: {listed}; `billing events show quarantine ID` tells more")
    decided = found = quarantine.decide(choice, decision, author=author, why=why, limit=CHUNK)
    while found == CHUNK:
        found = quarantine.decide(choice, decision, author=author, why=why, limit=CHUNK)
        decided += found
    return decided
