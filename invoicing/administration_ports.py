"""What opening accounts and publishing plans need from the world."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from domain.account_tree import AccountTree, TreeAccount
from domain.alias_spans import NamedSpan
from domain.catalogue import Meter
from domain.plans import PlanDocument
from domain.wallet_purposes import AccountWallets
from invoicing.customer_ports import Accounts, Customers
from invoicing.metering_ports import Balance
from invoicing.subscription_ports import AgreementBook, ContractBook, SubscriptionBook
from invoicing.top_up_request_ports import TopUpRuleBook


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and when."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NewSeller:
    """The billing entity that issues the invoices."""

    gstin: str
    legal_name: str
    address_lines: tuple[str, ...]
    email: str
    payment_lines: tuple[str, ...]
    """Where to pay, as printed on invoices."""
    invoice_series: str
    lut_arn: str | None
    lut_valid_from: date | None
    lut_valid_to: date | None


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A published version of a plan."""

    code: str
    version: int
    published_at: datetime
    document: Mapping[str, Any]
    """As it was published."""
    starts_at: datetime | None = None
    """Subscriptions to it begin then or later; None: whenever."""


class Plans(Protocol):
    """Plans and meters, in one transaction of configuration."""

    def hold(self) -> None:
        """Wait for other publications, and let others wait until this transaction ends."""

    def meters(self) -> Mapping[str, Meter]:
        """Every published meter by its code."""

    def add_meters(self, meters: Sequence[Meter]) -> None:
        """Publish meters whose codes are new."""

    def last(self, code: str) -> StoredPlan | None:
        """The last version of a plan."""

    def add_version(self, plan: PlanDocument, stored: StoredPlan) -> None:
        """Store a checked plan as a version, with all its charges."""


class Aliases(Protocol):
    """Whom aliases name, in one transaction of configuration."""

    def spans(self, alias: str) -> Sequence[NamedSpan]:
        """Whom an alias names and when, the earliest first."""

    def add(self, alias: str, span: NamedSpan) -> None:
        """Let an alias name an account for a span that is free."""

    def replace(self, alias: str, before: NamedSpan, after: Sequence[NamedSpan]) -> None:
        """Put spans in the place of one."""

    def events_booked(self, alias: str, *, start: datetime, end: datetime | None) -> int:
        """How many booked events of an alias happened from `start` up to but not including `end`.

        The first call for an alias and a start looks at everything, which can take a while; the following ones only at what
        was booked since.
        """


class Tree(Protocol):
    """Who stands above whom, in one transaction of configuration."""

    def read(self, codes: Sequence[str] | None = None) -> AccountTree:
        """Every account; with codes, only the trees that these stand in, as far as the accounts exist."""

    def write(self, accounts: Sequence[TreeAccount]) -> None:
        """Write parents, bill-to and pay-from of accounts."""

    def move_what_is_due(self, code: str, *, payer: str, reference: str, booked_at: datetime) -> int:
        """Move what a postpaid account used and was not invoiced for from the wallet of its former payer to its present one.

        Called after `write`. Returns micros.
        """

    def balances(self, codes: Sequence[str]) -> Sequence[Balance]:
        """The balances of accounts' own wallets, as this transaction sees them."""


class WalletBook(Protocol):
    """Further wallets of accounts, in one transaction of configuration."""

    def of(self, account: str) -> AccountWallets | None:
        """An account with its further wallets, all locked; None when there is none."""

    def account_of(self, wallet: str) -> str | None:
        """The account a further wallet is of; None when there is no such wallet."""

    def add(self, account: str, wallet: str, *, at: datetime) -> None:
        """Keep a new further wallet, empty and without a purpose."""

    def change_purposes(self, wallet: str, *, less: Collection[str], more: Collection[str]) -> None:
        """Take purposes from a wallet, then give it others; meters are named by their codes."""

    def close(self, wallet: str, *, at: datetime) -> None:
        """Say that a wallet is closed since then."""


class Administration(Protocol):
    """One transaction of configuration; each method returns False when the thing was there already, unchanged."""

    def add_seller(self, seller: NewSeller) -> bool:
        """Register the billing entity."""

    def map_alias(self, alias: str, *, account_code: str, start: datetime | None = None) -> bool:
        """Let an alias name an account, from a time on or always. Raises InvalidInput when it names another."""

    def top_up(self, *, account_code: str, amount_micros: int, reference: str, booked_at: datetime) -> bool:
        """Credit a wallet once per reference."""

    def audit(
        self,
        *,
        action: str,
        subject: str,
        actor: str,
        after: Mapping[str, Any],
        at: datetime,
        before: Mapping[str, Any] | None = None,
    ) -> None:
        """Leave a record of a change (DESIGN §3.8); `before` is None for something new."""

    def hold_configuration(self) -> None:
        """Wait for the running batches, and let others wait: nothing is rated until this transaction ends."""

    def require_open(self, account_code: str) -> None:
        """Raises NotFound for an unknown account and InvalidInput for a closed one."""

    @property
    def plans(self) -> "Plans":
        """Plans and meters."""

    @property
    def subscriptions(self) -> SubscriptionBook:
        """Who is on what."""

    @property
    def contracts(self) -> ContractBook:
        """What was agreed on."""

    @property
    def agreements(self) -> AgreementBook:
        """What plans and contracts come to together."""

    @property
    def customers(self) -> Customers:
        """Customers."""

    @property
    def accounts(self) -> Accounts:
        """Customers' accounts."""

    @property
    def top_up_rules(self) -> TopUpRuleBook:
        """Rules of automatic top-ups."""

    @property
    def wallets(self) -> WalletBook:
        """Accounts' further wallets."""

    @property
    def aliases(self) -> "Aliases":
        """Whom aliases name."""

    @property
    def tree(self) -> "Tree":
        """Who stands above whom."""


class AdministrationStore(Protocol):
    """Where configuration is kept."""

    def begin(self) -> AbstractContextManager[Administration]:
        """A transaction: commits when left normally, rolls back when left by an exception."""
