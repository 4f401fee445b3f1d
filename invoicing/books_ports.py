"""What the books' use cases need from the world: the truth with its own checks, and the analysts' copy of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from domain.money import Currency
from domain.period import BillingMonth, Period


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One query of sql/checks/: it returns a row for each place where its rule is broken."""

    name: str
    rule: str
    """The first line of the file, in words."""
    rows: int
    first_rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PartitionCount:
    """Where the events of one partition went, from `first_offset` up to but not including `next_offset`."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    records: int
    received: int
    rated: int
    accepted: int
    duplicate: int
    conflict: int
    dead_lettered: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class ExaminedBooks:
    """The books as of one instant."""

    checks: Sequence[CheckResult]
    partitions: Sequence[PartitionCount]
    batches_to_warehouse: int


@dataclass(frozen=True, slots=True, order=True)
class RevenueKey:
    """What revenue is told apart by: a currency and the month of service, in the account's time zone."""

    currency: Currency
    month: BillingMonth


@dataclass(frozen=True, slots=True)
class Revenue:
    """Rated usage: an exact sum in micros and the number of events behind it."""

    amount_micros: int = 0
    event_count: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.amount_micros + other.amount_micros, self.event_count + other.event_count)


@dataclass(frozen=True, slots=True)
class CachedBalance:
    """A wallet's balance and the version it had then."""

    balance_micros: int
    version: int


class Books(Protocol):
    """The truth. Reading changes nothing and may be repeated; failing means that PostgreSQL does not answer."""

    def examine(self, *, rows_shown: int) -> ExaminedBooks:
        """Every check and every partition's counts, all of the same instant; at most `rows_shown` rows of each check."""

    def revenue(self, month: BillingMonth | None) -> Mapping[RevenueKey, Revenue]:
        """Rated usage by currency and service month; of one month, or of all."""

    def accounts_by_time_zone(self) -> Mapping[str, Sequence[str]]:
        """Account codes by the time zone their months are read in."""

    def balances(self) -> Mapping[int, CachedBalance]:
        """Balance and version of every wallet that has an entry, by account id."""


class Warehouse(Protocol):
    """The analysts' copy. Counts an event once however often it was sent; failing means that it does not answer."""

    def revenue_of(self, accounts: Sequence[str], period: Period) -> Mapping[Currency, Revenue]:
        """Rated usage of some accounts in a span of event time, by currency."""

    def revenue_of_everything(self) -> Mapping[Currency, Revenue]:
        """Rated usage of every account and all time, by currency."""


class CachedBalances(Protocol):
    """The fast copy of balances. Failing means that it does not answer."""

    def read(self, account_ids: Sequence[int]) -> Mapping[int, CachedBalance]:
        """What the copy has, by account id; accounts it does not know are absent."""
