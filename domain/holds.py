"""Holds: may an account send, and what is reserved for messages on their way.

A hold reserves the most a message can cost. The event of its delivery settles it (the debit is the event's own price, also
when that is more), a failure voids it, and otherwise it ends by itself. What an account may still send is

    room = balance − floor − what is reserved

where the floor is 0, or what grace and credit limit allow below it. Reservations never touch the balance: they live in the
cache only, and are lost with it. That is safe, because a debit is never refused: the worst that follows is that messages of
one hold's lifetime are promised twice, and the balance says so as soon as their events are booked.

`Holdings` is this rule for one wallet; the script in connectors/redis/holds.py is the same rule where the cache is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput

LIFETIME_MAX_SECONDS: Final = 86_400
AMOUNT_MICROS_MAX: Final = 10**15
HOLD_ID_MAX: Final = 128
MESSAGES_MAX: Final = 1_000_000
_STOPPED: Final = frozenset({"suspended", "closed"})


class Answer(StrEnum):
    """What is said to a question before sending."""

    YES = "yes"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    NO_CREDIT = "no_credit"
    OTHER_AMOUNT = "other_amount"
    """A hold of this id is there, for another amount."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation; `ends_ms` is milliseconds since the Unix epoch by the cache's own clock."""

    amount_micros: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """One wallet as the cache knows it. `floor_micros` is None where nothing is refused for want of credit."""

    balance_micros: int = 0
    version: int = 0
    status: str = "active"
    floor_micros: int | None = 0
    standing_version: int = 0
    holds: Mapping[str, Hold] = field(default_factory=dict)

    @property
    def reserved_micros(self) -> int:
        """The sum of all holds."""
        return sum(hold.amount_micros for hold in self.holds.values())

    def tell_balance(self, balance_micros: int, version: int) -> "Holdings":
        """A balance from the books; an older version changes nothing."""
        return replace(self, balance_micros=balance_micros, version=version) if version > self.version else self

    def tell_standing(self, status: str, floor_micros: int | None, version: int) -> "Holdings":
        """A standing from the books; an older version changes nothing."""
        if version <= self.standing_version:
            return self
        return replace(self, status=status, floor_micros=floor_micros, standing_version=version)

    def at(self, now_ms: int) -> "Holdings":
        """Without the holds that have ended."""
        return replace(self, holds={name: hold for name, hold in self.holds.items() if hold.ends_ms > now_ms})

    def may_send(self, amount_micros: int) -> Answer:
        """Whether messages that may cost so much can be sent."""
        if self.status in _STOPPED:
            return Answer(self.status)
        if self.floor_micros is None or self.balance_micros - self.floor_micros - self.reserved_micros >= amount_micros:
            return Answer.YES
        return Answer.NO_CREDIT

    def hold(self, hold_id: str, amount_micros: int, *, ends_ms: int) -> tuple[Answer, "Holdings"]:
        """Reserve. Asked again under the same id, the answer is the same and nothing is reserved twice."""
        present = self.holds.get(hold_id)
        if present is not None:
            return (Answer.YES if present.amount_micros == amount_micros else Answer.OTHER_AMOUNT), self
        answer = self.may_send(amount_micros)
        if answer is not Answer.YES:
            return answer, self
        return answer, replace(self, holds={**self.holds, hold_id: Hold(amount_micros, ends_ms)})

    def release(self, hold_id: str) -> "Holdings":
        """Settle or void: the reservation ends. One that is not there (any more) changes nothing."""
        return replace(self, holds={name: hold for name, hold in self.holds.items() if name != hold_id})


def check_hold(*, hold_id: str, amount_micros: int, lifetime_seconds: int) -> None:
    """Raises InvalidInput naming the field that cannot be meant."""
    if not 1 <= len(hold_id) <= HOLD_ID_MAX:
        raise InvalidInput(f"hold_id: must be a text of 1 to {HOLD_ID_MAX} characters")
    if not 0 <= amount_micros <= AMOUNT_MICROS_MAX:
        raise InvalidInput(f"amount: must be 0 to {AMOUNT_MICROS_MAX:,} micros")
    if not 1 <= lifetime_seconds <= LIFETIME_MAX_SECONDS:
        raise InvalidInput(f"lifetime_seconds: must be 1 to {LIFETIME_MAX_SECONDS:,}")


def check_messages(messages: int) -> None:
    """Raises InvalidInput unless it is a number of messages somebody may want to send."""
    if not 1 <= messages <= MESSAGES_MAX:
        raise InvalidInput(f"messages: must be 1 to {MESSAGES_MAX:,}")
