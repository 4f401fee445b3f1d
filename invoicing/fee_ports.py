"""What accruing fees needs from the world."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.fees import FeeAmount, FeeKey, FeeSpan
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
    """An account with its fees in force over time, and what was booked of them and of its usage."""

    account_id: int
    code: str
    time_zone: ZoneInfo
    spans: Sequence[FeeSpan]
    booked: Mapping[FeeKey, FeeAmount]
    usage: Sequence[UsageMoney]


class FeeTransaction(Protocol):
    """A transaction that books fees. It holds the configuration and the wallets of its accounts until it ends."""

    accounts: Sequence[FeeAccount]

    def book(self, account: FeeAccount, differences: Mapping[FeeKey, FeeAmount]) -> Balance:
        """Add these to the running totals and take their sum from the wallet the account pays from, with a record."""


class FeeBooks(Protocol):
    """Where fees are kept."""

    def account_ids(self) -> Sequence[int]:
        """Accounts that have a fee in force at any time, or had one booked."""

    def begin(self, account_ids: Sequence[int], *, now: datetime) -> AbstractContextManager[FeeTransaction]:
        """A transaction over some accounts: commits when left normally, rolls back when left by an exception."""
