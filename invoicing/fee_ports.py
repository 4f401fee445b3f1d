"""What accruing fees needs from the world."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from domain.attribution import Account
from domain.fee_terms import FeeSegment, FeeTerms, TermOfContract
from domain.fees import FeeAmount, FeeKey
from domain.rating.unused_books import UnusedBooks, UnusedPart
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class UsageMoney:
    """What one usage charge or adjustment came to in one service month of an account."""

    service_month: date
    counted_as: frozenset[str]
    """The code of the usage charge, or of those the adjustment is on; empty for one that is on all of them."""
    amount_micros: int


@dataclass(frozen=True, slots=True)
class FeeAccount:
    """An account with its terms over time, and what was booked of its fees and of its usage."""

    account_id: int
    code: str
    time_zone: ZoneInfo
    segments: Sequence[FeeSegment]
    """In the order of time."""
    contracts: Sequence[TermOfContract]
    """From the strongest to the weakest."""
    booked: Mapping[FeeKey, FeeAmount]
    usage: Sequence[UsageMoney]
    unused: "UnusedFacts | None" = None
    """None: none of its prices costs anything without usage, and nothing of that kind is booked."""

    def active(self) -> Sequence[tuple[datetime, datetime | None]]:
        """When a subscription was in force and not paused."""
        return [(segment.start, segment.end) for segment in self.segments if not segment.paused]

    def over(self) -> datetime | None:
        """When its last subscription ends, None when it does not or there is none."""
        ends = [segment.end for segment in self.segments]
        return max((end for end in ends if end is not None), default=None) if None not in ends else None


@dataclass(frozen=True, slots=True)
class UnusedFacts:
    """What prices of periods without usage depend on."""

    account: Account
    """As it is rated."""
    books: UnusedBooks


class FeeDifference(NamedTuple):
    """What is to be booked of an account's fees."""

    account: FeeAccount
    amounts: Mapping[FeeKey, FeeAmount]
    unused: Sequence[UnusedPart] = ()
    """Parts of prices of periods without usage."""

    @property
    def amount_micros(self) -> int:
        """All of it."""
        fees = sum(amount.amount_micros for amount in self.amounts.values())
        return fees + sum(part.amount_micros for _, _, part in self.unused)

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to book."""
        return bool(self.amounts or self.unused)


class FeeTransaction(Protocol):
    """A transaction that books fees. It holds the configuration and the wallets of its accounts until it ends."""

    accounts: Sequence[FeeAccount]

    def book(self, differences: Sequence[FeeDifference]) -> Sequence[Balance]:
        """Add these to the running totals and take each sum from the wallet its account pays from, with a record.

        Once a transaction. Returns the balances that changed.
        """


class FeeBooks(Protocol):
    """Where fees are kept."""

    def account_ids(self) -> Sequence[int]:
        """Accounts that have, at any time, a fee or a price that costs something without usage, or had one booked."""

    def ids_of(self, codes: Sequence[str]) -> Sequence[int]:
        """Accounts by their codes. Raises NotFound for the first that does not exist."""

    def read(self, account_ids: Sequence[int]) -> Sequence[FeeAccount]:
        """Some accounts as they are at one moment. Holds nothing."""

    def terms(self, plan_version_id: int) -> FeeTerms:
        """What a plan version says about fees."""

    def begin(self, account_ids: Sequence[int], *, now: datetime) -> AbstractContextManager[FeeTransaction]:
        """A transaction over some accounts: commits when left normally, rolls back when left by an exception."""
