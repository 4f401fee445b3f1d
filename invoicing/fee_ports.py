"""What accruing fees needs from the world."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from domain.fee_terms import FeeSegment, FeeTerms, TermOfContract
from domain.fees import FeeAmount, FeeKey
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


class FeeDifference(NamedTuple):
    """What is to be booked of an account's fees."""

    account: FeeAccount
    amounts: Mapping[FeeKey, FeeAmount]

    @property
    def amount_micros(self) -> int:
        """All of it."""
        return sum(amount.amount_micros for amount in self.amounts.values())


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
        """Accounts that have a fee in force at any time, or had one booked."""

    def ids_of(self, codes: Sequence[str]) -> Sequence[int]:
        """Accounts by their codes. Raises NotFound for the first that does not exist."""

    def read(self, account_ids: Sequence[int]) -> Sequence[FeeAccount]:
        """Some accounts as they are at one moment. Holds nothing."""

    def terms(self, plan_version_id: int) -> FeeTerms:
        """What a plan version says about fees."""

    def begin(self, account_ids: Sequence[int], *, now: datetime) -> AbstractContextManager[FeeTransaction]:
        """A transaction over some accounts: commits when left normally, rolls back when left by an exception."""
