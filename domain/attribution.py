"""Attribution: whose event it is and which plan was in force, by event time; one version of the truth at a time.

Everything a worker rates with is one immutable `RatingConfig` with a version. A batch is booked only when that version
is still the database's (connectors/postgres/metering.py), so two workers never disagree in a way the books cannot explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.catalogue import PlanVersion
from domain.money import Currency
from domain.period import BillingMonth

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DISTANT_PAST: Final = -(2**62)
DISTANT_FUTURE: Final = 2**62
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A plan version an account was on, from `start_micros` up to but not including `end_micros`."""

    plan: PlanVersion
    start_micros: int
    end_micros: int


@dataclass(slots=True)
class Account:
    """What rating needs to know of an account."""

    account_id: int
    code: str
    customer_code: str
    wallet_id: int
    """The wallet that is debited: its own, or that of the account above it which pays for it."""
    currency: Currency
    time_zone: ZoneInfo
    subscriptions: Sequence[Subscription]
    _month: tuple[int, int, date] = (0, 0, date.min)

    def plan_at(self, time_micros: int) -> PlanVersion | None:
        """The plan version in force at an instant."""
        for subscription in self.subscriptions:
            if subscription.start_micros <= time_micros < subscription.end_micros:
                return subscription.plan
        return None

    def service_month(self, time_micros: int) -> date:
        """The first day of the month an instant falls in, in the account's time zone."""
        start_micros, end_micros, first_day = self._month
        if not start_micros <= time_micros < end_micros:
            month = BillingMonth.of(EPOCH + timedelta(microseconds=time_micros), self.time_zone)
            span = month.span(self.time_zone)
            first_day = date(month.year, month.month, 1)
            # Kept for the next event, which is mostly of the same month.
            self._month = ((span.start - EPOCH) // _MICROSECOND, (span.end - EPOCH) // _MICROSECOND, first_day)
        return first_day


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
