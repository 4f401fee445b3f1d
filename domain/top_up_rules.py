"""Automatic top-ups: whether to ask a gateway for money now, by which method, and when not.

A rule tops a wallet up by a fixed amount when its balance is at the threshold or below. One attempt is in flight at a time,
a cool-down follows each, longer after every decline in a row, and a calendar month in India has a limit. Recurring debits
in India (Reserve Bank of India, Digital Payments: E-mandate Framework) are announced 24 hours ahead, are made without the
customer's second factor up to ₹15,000 only, and a mandate is debited once a cycle; an amount above the limit is never split
to stay below it, but goes to a method at which the customer confirms it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from domain.errors import InvalidInput
from domain.money import Currency

INDIA: Final = ZoneInfo("Asia/Kolkata")
NOTICE: Final = timedelta(hours=25)
"""Between asking for a debit of a mandate and the debit: the 24 hours of the rule, and one for the notice to go out."""
NO_SECOND_FACTOR_MAX_MINOR: Final = 15_000_00
"""Paise that may be debited on a mandate without a second factor."""
COOL_DOWN_MAX: Final = timedelta(days=1)
"""However many declines in a row there were."""
ANSWER_WITHIN: Final = timedelta(days=3)
"""After the earliest debit: a request that nobody answered by then counts as declined, and may not be debited any more."""


class Method(StrEnum):
    """How money is asked for."""

    CARD_MANDATE = "card_mandate"
    UPI_MANDATE = "upi_mandate"
    PAYMENT_LINK = "payment_link"
    """The customer confirms it, so neither notice nor the limit apply."""

    @property
    def recurring(self) -> bool:
        """Whether it is debited without the customer being there."""
        return self is not Method.PAYMENT_LINK


class AttemptState(StrEnum):
    """What became of an attempt."""

    IN_FLIGHT = "in_flight"
    CAPTURED = "captured"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of the past. `debit_at` is the earliest moment it may be debited."""

    requested_at: datetime
    debit_at: datetime
    amount_minor: int
    method: Method
    state: AttemptState


@dataclass(frozen=True, slots=True)
class TopUpRule:
    """An account's rule. Raises InvalidInput for one that could never act or never stop."""

    threshold_micros: int
    amount_minor: int
    """What the wallet is credited with, before tax is added."""
    monthly_limit_minor: int
    methods: tuple[Method, ...]
    """In the order they are tried."""
    cool_down: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        if self.amount_minor < 1:
            raise InvalidInput("amount: must be above 0")
        if self.monthly_limit_minor < self.amount_minor:
            raise InvalidInput("monthly_limit: must allow one top-up at least")
        if not self.methods or len(set(self.methods)) != len(self.methods):
            raise InvalidInput("methods: name each one once, the first choice first")
        if not timedelta(0) < self.cool_down <= COOL_DOWN_MAX:
            raise InvalidInput("cool_down: must be above 0 and at most a day")


class Reason(StrEnum):
    """Why nothing is asked for."""

    ENOUGH = "the balance is above the threshold"
    IN_FLIGHT = "an earlier attempt is not decided yet"
    COOL_DOWN = "the last attempt is too recent"
    MONTHLY_LIMIT = "it would exceed the month's limit"
    NO_METHOD = "no method may be used now"


@dataclass(frozen=True, slots=True)
class NotNow:
    """Nothing is asked for. `again_at` is when time alone may change that."""

    reason: Reason
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for this much, tax included in `charge_minor`; not debited before `debit_at`, of which notice goes out at once."""

    method: Method
    amount_minor: int
    charge_minor: int
    debit_at: datetime


def decide(
    rule: TopUpRule,
    attempts: Sequence[Attempt],
    *,
    balance_micros: int,
    charge_minor: int,
    currency: Currency,
    now: datetime,
) -> Ask | NotNow:
    """Whether to ask for a top-up now.

    `attempts` are those of this month and the one before at least, in any order; `charge_minor` is the rule's amount with
    the tax that goes on top of it.
    """
    if balance_micros > rule.threshold_micros:
        return NotNow(Reason.ENOUGH)
    past = sorted(attempts, key=lambda attempt: attempt.requested_at)
    if any(attempt.state is AttemptState.IN_FLIGHT for attempt in past):
        return NotNow(Reason.IN_FLIGHT)
    if past and now < past[-1].requested_at + _cool_down(rule, past):
        return NotNow(Reason.COOL_DOWN, past[-1].requested_at + _cool_down(rule, past))
    if _asked_for_in_month(past, now) + rule.amount_minor > rule.monthly_limit_minor:
        return NotNow(Reason.MONTHLY_LIMIT, _next_month(now))
    for method in _in_turn(rule.methods, past):
        debit_at = _debit_at(method, now, currency)
        if _allowed(method, past, charge_minor=charge_minor, currency=currency, debit_at=debit_at):
            return Ask(method, rule.amount_minor, charge_minor, debit_at)
    return NotNow(Reason.NO_METHOD, _next_month(now))


def answer_by(debit_at: datetime) -> datetime:
    """Until when a request must be answered."""
    return debit_at + ANSWER_WITHIN


def _in_turn(methods: tuple[Method, ...], past: Sequence[Attempt]) -> tuple[Method, ...]:
    """The order in which methods are tried: after a decline from the next one on."""
    if not past or past[-1].state is not AttemptState.FAILED or past[-1].method not in methods:
        return methods
    following = methods.index(past[-1].method) + 1
    return methods[following:] + methods[:following]


def _cool_down(rule: TopUpRule, past: Sequence[Attempt]) -> timedelta:
    """The rule's own, doubled by every decline in a row after the first."""
    declines = 0
    for attempt in reversed(past):
        if attempt.state is not AttemptState.FAILED:
            break
        declines += 1
    doublings = min(max(declines - 1, 0), 20)
    return min(rule.cool_down * (1 << doublings), COOL_DOWN_MAX)


def _asked_for_in_month(past: Sequence[Attempt], now: datetime) -> int:
    month = _month(now)
    counted = (attempt for attempt in past if attempt.state is not AttemptState.FAILED)
    return sum(attempt.amount_minor for attempt in counted if _month(attempt.requested_at) == month)


def _debit_at(method: Method, now: datetime, currency: Currency) -> datetime:
    return now + NOTICE if method.recurring and currency is Currency.INR else now


def _allowed(method: Method, past: Sequence[Attempt], *, charge_minor: int, currency: Currency, debit_at: datetime) -> bool:
    """The rules of mandates are India's: of rupees only."""
    if not method.recurring or currency is not Currency.INR:
        return True
    if charge_minor > NO_SECOND_FACTOR_MAX_MINOR:
        return False
    cycle = _month(debit_at)
    return not any(attempt.method is method and _month(attempt.debit_at) == cycle for attempt in past)


def _month(instant: datetime) -> tuple[int, int]:
    local = instant.astimezone(INDIA)
    return local.year, local.month


def _next_month(now: datetime) -> datetime:
    year, month = _month(now)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=INDIA).astimezone(UTC)
