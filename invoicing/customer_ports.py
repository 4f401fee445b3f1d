"""What keeping customers and their accounts needs from the world, in one transaction of configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.alias_spans import NamedSpan
from domain.customers.account import Account
from domain.customers.customer import Customer
from domain.customers.thresholds import ChosenThreshold
from domain.money import Currency


@dataclass(frozen=True, slots=True)
class StoredCustomer:
    """A customer as it is kept."""

    customer: Customer
    revision: int
    """Counts changes from 1: who changes a customer says which one they saw."""
    created_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account as it is kept."""

    account: Account
    revision: int
    status: str
    created_at: datetime
    closed_at: datetime | None
    wallet_of: str | None = None
    """Of a further wallet, the account it is of."""


@dataclass(frozen=True, slots=True)
class AccountMoney:
    """What an account of a customer has not settled. Amounts are micros."""

    account: str
    currency: Currency
    open: bool
    uninvoiced_micros: int
    """Used and on no issued invoice."""
    balance_micros: int
    """Of its own wallet: above zero the customer's, below zero due from the customer."""
    drafts: int
    """Invoices that are drafted and not issued."""

    @property
    def is_settled(self) -> bool:
        """True when nothing stands between this account and oblivion."""
        return not (self.open or self.uninvoiced_micros or self.balance_micros or self.drafts)


class Customers(Protocol):
    """Customers in one transaction."""

    def get(self, code: str) -> StoredCustomer | None:
        """A customer, which nobody else can change until the transaction ends; None when there is none."""

    def add(self, customer: Customer, *, created_at: datetime) -> None:
        """Keep a new customer, at revision 1."""

    def save(self, customer: Customer) -> int:
        """Write a customer that was read by `get` anew; returns its new revision."""

    def archive(self, code: str, *, at: datetime) -> None:
        """Say that a customer is no more; everything about it stays readable."""

    def money(self, code: str) -> Sequence[AccountMoney]:
        """What each account of a customer has not settled, by account."""


class Accounts(Protocol):
    """Accounts in one transaction."""

    def get(self, code: str) -> StoredAccount | None:
        """An account, which nobody else can change until the transaction ends; None when there is none."""

    def add(self, account: Account, *, created_at: datetime) -> None:
        """Keep a new account with its wallet, standing for itself and below none: the tree is written afterwards."""

    def save(self, account: Account) -> None:
        """Write name, time zone and payment term; where it stands is the tree's."""

    def close(self, code: str, *, at: datetime) -> None:
        """Say that an account is closed since then, and its wallets with it."""

    def revision(self, code: str) -> int:
        """How often an account was changed, from 1."""

    def has_usage(self, code: str) -> bool:
        """Whether anything was ever booked for an account."""

    def aliases_after(self, code: str, *, at: datetime) -> Sequence[tuple[str, NamedSpan]]:
        """Aliases that name an account at or after an instant, with each such span."""

    def thresholds(self, code: str) -> Sequence[ChosenThreshold]:
        """What an account chose to be warned at, in order."""

    def choose_thresholds(self, code: str, thresholds: Sequence[ChosenThreshold]) -> None:
        """Replace what an account chose."""
