"""Suspension: what an account may do, as one table of states and what was found about its credit.

Prepaid, credit is the wallet's balance; postpaid, it is what is left of the credit limit on usage not yet invoiced, and an
overdue invoice ends it whatever is left. Service goes on during the grace that follows, for a time or to an amount,
whichever is reached first. Usage already on its way is still charged in every state: only the question before sending is
refused (domain/holds.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput

OVERRIDE_MAX: Final = timedelta(days=92)


class State(StrEnum):
    """What an account may do, from the best to the worst."""

    ACTIVE = "active"
    LOW = "low"
    """It sends; its credit is nearly used up."""
    GRACE = "grace"
    """It sends although its credit is used up."""
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Credit(StrEnum):
    """What was found about an account's credit."""

    PLENTY = "plenty"
    LITTLE = "little"
    """At or below the low level, and not used up."""
    NONE = "none"
    """Used up, or an invoice is overdue, and the grace lasts."""
    GRACE_OVER = "grace over"
    CLOSED = "closed"
    """A person closed the account."""


TABLE: Final[Mapping[tuple[State, Credit], State]] = {
    (State.ACTIVE, Credit.PLENTY): State.ACTIVE,
    (State.ACTIVE, Credit.LITTLE): State.LOW,
    (State.ACTIVE, Credit.NONE): State.GRACE,
    (State.ACTIVE, Credit.GRACE_OVER): State.SUSPENDED,
    (State.ACTIVE, Credit.CLOSED): State.CLOSED,
    (State.LOW, Credit.PLENTY): State.ACTIVE,
    (State.LOW, Credit.LITTLE): State.LOW,
    (State.LOW, Credit.NONE): State.GRACE,
    (State.LOW, Credit.GRACE_OVER): State.SUSPENDED,
    (State.LOW, Credit.CLOSED): State.CLOSED,
    (State.GRACE, Credit.PLENTY): State.ACTIVE,
    (State.GRACE, Credit.LITTLE): State.LOW,
    (State.GRACE, Credit.NONE): State.GRACE,
    (State.GRACE, Credit.GRACE_OVER): State.SUSPENDED,
    (State.GRACE, Credit.CLOSED): State.CLOSED,
    (State.SUSPENDED, Credit.PLENTY): State.ACTIVE,
    (State.SUSPENDED, Credit.LITTLE): State.LOW,
    # A payment that leaves the credit used up brings nothing back: a second grace would have to be paid for first.
    (State.SUSPENDED, Credit.NONE): State.SUSPENDED,
    (State.SUSPENDED, Credit.GRACE_OVER): State.SUSPENDED,
    (State.SUSPENDED, Credit.CLOSED): State.CLOSED,
    (State.CLOSED, Credit.PLENTY): State.CLOSED,
    (State.CLOSED, Credit.LITTLE): State.CLOSED,
    (State.CLOSED, Credit.NONE): State.CLOSED,
    (State.CLOSED, Credit.GRACE_OVER): State.CLOSED,
    (State.CLOSED, Credit.CLOSED): State.CLOSED,
}
"""(state, what was found) → state."""


def printed_table() -> str:
    """The table for people: a row a state, a column a finding."""
    rows = [["", *Credit], *([state, *(TABLE[state, credit] for credit in Credit)] for state in State)]
    return "\n".join("  ".join(f"{cell:<10}" for cell in row).rstrip() for row in rows)


@dataclass(frozen=True, slots=True)
class Terms:
    """How an account is treated; amounts are micros. `credit_limit_micros` is None for a postpaid account without one."""

    prepaid: bool
    low_level_micros: int = 0
    """Credit at or below it is little."""
    grace: timedelta = timedelta(days=3)
    grace_micros: int | None = 0
    """How far beyond its credit an account may go; None for as far as it likes within the time."""
    credit_limit_micros: int | None = None

    def __post_init__(self) -> None:
        if self.grace < timedelta(0):
            raise InvalidInput("grace: must not be negative")
        for name, micros in (("grace_micros", self.grace_micros), ("credit_limit_micros", self.credit_limit_micros)):
            if micros is not None and micros < 0:
                raise InvalidInput(f"{name}: must not be negative")

    def credit_micros(self, balance_micros: int) -> int | None:
        """What may still be used; a postpaid wallet runs below zero by what is used and not yet invoiced."""
        if self.prepaid:
            return balance_micros
        return None if self.credit_limit_micros is None else self.credit_limit_micros + balance_micros

    def floor_micros(self, *, grace: bool) -> int | None:
        """The balance below which nothing more is promised; None for none. `grace` says whether it may draw on that."""
        limit = 0 if self.prepaid else self.credit_limit_micros
        if limit is None or (grace and self.grace_micros is None):
            return None
        return -limit - (self.grace_micros or 0 if grace else 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands. `grace_since` is when its credit was found used up, None while it is not."""

    state: State = State.ACTIVE
    grace_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word over the table, with a reason and an end: the account counts as `state` meanwhile."""

    state: State
    reason: str
    by: str
    until: datetime


def override(state: State, *, reason: str, by: str, until: datetime, now: datetime) -> Override:
    """An override. Raises InvalidInput without a reason or a near end, or for what no person may set."""
    if state not in (State.ACTIVE, State.SUSPENDED):
        raise InvalidInput(f"state: {state} cannot be set by hand; choose active or suspended")
    if not reason.strip() or not by.strip():
        raise InvalidInput("reason: say why, and who says so")
    if not now < until <= now + OVERRIDE_MAX:
        raise InvalidInput(f"until: choose a moment within the next {OVERRIDE_MAX.days} days")
    return Override(state, reason, by, until)


@dataclass(frozen=True, slots=True)
class CreditFacts:
    """What is known of an account at an instant."""

    balance_micros: int
    overdue_since: datetime | None = None
    """When the oldest unpaid invoice fell due; None when none has. A day that is still to come is as none."""
    closed: bool = False


def find(terms: Terms, facts: CreditFacts, standing: Standing, *, now: datetime) -> Credit:
    """What is to be said of an account's credit."""
    if facts.closed:
        return Credit.CLOSED
    credit = terms.credit_micros(facts.balance_micros)
    used_up = credit is not None and credit <= 0
    if used_up or _overdue(facts, now):
        since = _grace_since(facts, standing, now)
        beyond = credit is not None and terms.grace_micros is not None and -credit > terms.grace_micros
        return Credit.GRACE_OVER if beyond or now >= since + terms.grace else Credit.NONE
    return Credit.LITTLE if credit is not None and credit <= terms.low_level_micros else Credit.PLENTY


def step(terms: Terms, facts: CreditFacts, standing: Standing, *, now: datetime) -> Standing:
    """Where an account stands now. The same look twice changes nothing the second time; a closed account stays so."""
    found = find(terms, facts, standing, now=now)
    running = found in (Credit.NONE, Credit.GRACE_OVER)
    return Standing(TABLE[standing.state, found], _grace_since(facts, standing, now) if running else None)


def look_again_at(terms: Terms, standing: Standing, override: Override | None, *, now: datetime) -> datetime | None:
    """When time alone may change what an account may do; None when only money can."""
    moments = [override.until] if override is not None else []
    if standing.state is State.GRACE and standing.grace_since is not None:
        moments.append(standing.grace_since + terms.grace)
    return min((moment for moment in moments if moment > now), default=None)


def effective(standing: Standing, override: Override | None, *, now: datetime) -> State:
    """What an account may do, a person's word included. Nobody's word opens a closed account."""
    if standing.state is State.CLOSED or override is None or now >= override.until:
        return standing.state
    return override.state


def _overdue(facts: CreditFacts, now: datetime) -> bool:
    return facts.overdue_since is not None and facts.overdue_since <= now


def _grace_since(facts: CreditFacts, standing: Standing, now: datetime) -> datetime:
    """The start of a grace is kept, so that a clock stepping back or a second look never lengthens or restarts it."""
    if standing.grace_since is not None:
        return standing.grace_since
    return facts.overdue_since if facts.overdue_since is not None and facts.overdue_since <= now else now
