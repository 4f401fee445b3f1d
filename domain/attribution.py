"""Attribution: whose event it is and which plan was in force, by event time; one version of the truth at a time.

Everything a worker rates with is one immutable `RatingConfig` with a version. A batch is booked only when that version
is still the database's (connectors/postgres/metering.py), so two workers never disagree in a way the books cannot explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.catalogue.effective_plan import EffectivePlan
from domain.catalogue.plan_spans import (
    DISTANT_FUTURE,
    DISTANT_PAST,
    EPOCH,
    ContractTerm,
    PlanSpan,
    Subscription,
    plan_spans,
)
from domain.money import Currency
from domain.period import BillingMonth
from domain.wallet_purposes import Purposes

_MICROSECOND: Final = timedelta(microseconds=1)
_MONTHS_MAX: Final = 4
"""Service months an account keeps at hand: the present one and those late events come for."""


class AccountMonth:
    """A service month of an account, from `start_micros` up to but not including `end_micros`."""

    __slots__ = ("end_micros", "first_day", "places", "start_micros")

    def __init__(self, month: BillingMonth, time_zone: ZoneInfo) -> None:
        span = month.span(time_zone)
        self.start_micros = (span.start - EPOCH) // _MICROSECOND
        self.end_micros = (span.end - EPOCH) // _MICROSECOND
        self.first_day = date(month.year, month.month, 1)
        self.places: dict[Any, Any] = {}
        """Where events of the month go, by what they are rated with (domain/rating/places.py)."""


@dataclass(slots=True)
class Account:
    """What rating needs to know of an account."""

    account_id: int
    code: str
    customer_code: str
    wallet_id: int
    """The wallet that is debited where no further one pays: its own, or that of the account above it which pays for it."""
    currency: Currency
    time_zone: ZoneInfo
    subscriptions: Sequence[Subscription]
    contracts: Sequence[ContractTerm] = ()
    root_id: int = 0
    """The topmost account of its tree: itself, when left out."""
    purposes: Purposes | None = None
    """Of the further wallets of whoever pays; None where there is none."""
    _spans: Sequence[PlanSpan] | None = field(default=None, init=False, repr=False, compare=False)
    _span: PlanSpan | None = field(default=None, init=False, repr=False, compare=False)
    _month: AccountMonth | None = field(default=None, init=False, repr=False, compare=False)
    _months: tuple[AccountMonth, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.root_id = self.root_id or self.account_id

    def on(self, subscriptions: Sequence[Subscription]) -> "Account":
        """The same account, subscribed otherwise."""
        return replace(self, subscriptions=subscriptions)

    def wallet_for(self, event_type: str, properties: Mapping[str, object]) -> int:
        """The wallet that pays for an event."""
        found = self.purposes.wallet_for(event_type, properties) if self.purposes is not None else None
        return self.wallet_id if found is None else found

    @property
    def wallets(self) -> tuple[int, ...]:
        """All that may pay for its events."""
        return (self.wallet_id,) if self.purposes is None else (self.wallet_id, *self.purposes.wallets)

    def plan_at(self, time_micros: int) -> EffectivePlan | None:
        """The plan in effect at an instant."""
        span = self._span
        if span is not None and span.start_micros <= time_micros < span.end_micros:
            return span.plan
        for span in self.spans():
            if span.start_micros <= time_micros < span.end_micros:
                self._span = span
                return span.plan
        return None

    def spans(self) -> Sequence[PlanSpan]:
        """The plans in effect in the order of time, worked out when they are first asked for."""
        if self._spans is None:
            self._spans = plan_spans(self.subscriptions, self.contracts, time_zone=self.time_zone)
        return self._spans

    def month_at(self, time_micros: int) -> AccountMonth:
        """The month an instant falls in, in the account's time zone."""
        month = self._month
        if month is not None and month.start_micros <= time_micros < month.end_micros:
            return month
        for month in self._months:
            if month.start_micros <= time_micros < month.end_micros:
                self._month = month
                return month
        found = BillingMonth.of(EPOCH + timedelta(microseconds=time_micros), self.time_zone)
        # Kept for the next event, which is mostly of the same month.
        self._month = month = AccountMonth(found, self.time_zone)
        self._months = (*self._months[1 - _MONTHS_MAX :], month)
        return month

    def service_month(self, time_micros: int) -> date:
        """The first day of the month an instant falls in."""
        return self.month_at(time_micros).first_day


@dataclass(frozen=True, slots=True)
class AliasSpan:
    """An alias named this account from `start_micros` up to but not including `end_micros`."""

    account: Account
    start_micros: int
    end_micros: int


@dataclass(frozen=True, slots=True)
class RatingConfig:
    """The truth a worker rates with: aliases, accounts, plans, known meters and people's decisions, as of one version."""

    version: int
    aliases: Mapping[str, Sequence[AliasSpan]]
    accounts: Mapping[int, Account]
    meters: frozenset[str]
    """The event types that any meter counts."""
    accepted_late: frozenset[tuple[bytes, bytes, int]] = frozenset()
    """Identity, body digest and event time of events a person let be rated although they are too late."""
    rejected: frozenset[bytes] = frozenset()
    """Identities of events a person closed for good."""

    def account_at(self, alias: str, time_micros: int) -> Account | None:
        """The account an alias named at an instant."""
        for span in self.aliases.get(alias, ()):
            if span.start_micros <= time_micros < span.end_micros:
                return span.account
        return None


__all__ = [
    "DISTANT_FUTURE",
    "DISTANT_PAST",
    "EPOCH",
    "Account",
    "AccountMonth",
    "AliasSpan",
    "ContractTerm",
    "RatingConfig",
    "Subscription",
]
