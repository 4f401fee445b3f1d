"""What changing subscriptions and writing contracts needs from the world, in one transaction of configuration."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.attribution import Account
from domain.catalogue import PlanVersion
from domain.contracts import ContractDocument
from domain.errors import BillingError
from domain.money import Currency
from domain.subscriptions import PlanChoice, Subscriptions


@dataclass(frozen=True, slots=True)
class StoredContract:
    """A contract as it was written, and for how long it holds."""

    code: str
    account: str | None
    customer: str | None
    """The code of one of the two: whom it is with."""
    currency: Currency
    start: datetime | None
    end: datetime | None
    document: Mapping[str, Any]
    charges_usage: bool
    """Whether it has a say in what an event costs; fees and terms alone have none."""

    @property
    def party(self) -> str:
        """The code of the account or customer it is with."""
        return self.account or self.customer or ""


class SubscriptionBook(Protocol):
    """Who is on what. The configuration is held before anything is read."""

    def read(self, account_code: str) -> Subscriptions:
        """Everything an account is or was subscribed to. Raises NotFound."""

    def read_all(self, account_codes: Sequence[str]) -> Mapping[str, Subscriptions | BillingError]:
        """Of many accounts, in their order; of one that does not exist, or is closed, why it cannot be changed."""

    def write(self, before: Subscriptions, after: Subscriptions) -> None:
        """Make the segments what they are in `after`. Those that ended already are never touched."""

    def plan(self, code: str, *, version: int | None, at: datetime | None) -> PlanChoice:
        """A version of a plan; when none is named the newest that holds at an instant, or at any. Raises NotFound.

        One that does not hold yet is found when there is no other: the rules refuse it with its start.
        """

    def accounts_on(self, plan_code: str, *, but: PlanChoice, at: datetime) -> Sequence[str]:
        """Codes of the accounts that are, or will be, on another version of a plan than this at an instant, in order."""

    def events_since(self, account_code: str, start: datetime, end: datetime) -> int:
        """How many booked events of an account happened in a span of time."""


class ContractBook(Protocol):
    """What was agreed on. The configuration is held before anything is read."""

    def usage_codes(self, contract: Mapping[str, Any]) -> Collection[str]:
        """Codes of usage charges of any published plan in the contract's currency."""

    def currencies(self, *, account: str | None, customer: str | None) -> Mapping[str, Currency]:
        """The accounts a contract with a party would hold for, with their currencies. Raises NotFound for the party."""

    def find(self, code: str) -> StoredContract | None:
        """A contract."""

    def overlapping(self, contract: ContractDocument) -> Sequence[str]:
        """Codes of contracts with the same party, of the same priority, that hold at a time this one does."""

    def add(self, contract: ContractDocument, document: Mapping[str, Any], *, written_at: datetime) -> None:
        """Store a checked contract with its charges."""

    def end(self, code: str, *, at: datetime) -> None:
        """Let a contract end earlier."""


class AgreementBook(Protocol):
    """What plans and contracts come to together."""

    def read(self, account_codes: Sequence[str]) -> Mapping[str, Account]:
        """By code, those of some accounts that have a contract which takes something off, as whoever rates sees them."""

    def versions(self, plan_version_ids: Sequence[int]) -> Mapping[int, PlanVersion]:
        """Plan versions by id."""
