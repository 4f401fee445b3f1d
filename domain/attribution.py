"""Attribution: whose event it is and which plan was in force, by event time; one version of the truth at a time.

Everything a worker rates with is one immutable `RatingConfig` with a version. A batch is booked only when that version
is still the database's (connectors/postgres/metering.py), so two workers never disagree in a way the books cannot explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.catalogue import PlanVersion
from domain.money import Currency

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DISTANT_PAST: Final = -(2**62)
DISTANT_FUTURE: Final = 2**62
# Every time zone's offset is a whole number of quarter hours, so a month never turns inside one.
_QUARTER_HOUR_MICROS: Final = 900_000_000


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
    currency: Currency
    time_zone: ZoneInfo
    subscriptions: Sequence[Subscription]
    _months: dict[int, date] = field(default_factory=dict)

    def plan_at(self, time_micros: int) -> PlanVersion | None:
        """The plan version in force at an instant."""
        for subscription in self.subscriptions:
            if subscription.start_micros <= time_micros < subscription.end_micros:
                return subscription.plan
        return None

    def service_month(self, time_micros: int) -> date:
        """The first day of the month an instant falls in, in the account's time zone."""
        quarter = time_micros // _QUARTER_HOUR_MICROS
        month = self._months.get(quarter)
        if month is None:
            local = (EPOCH + timedelta(microseconds=time_micros)).astimezone(self.time_zone)
            month = self._months[quarter] = date(local.year, local.month, 1)
        return month


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
