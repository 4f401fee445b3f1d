"""What the invoice batch needs from the world: runs, drafts, the issuing desk, printed copies.

Every method may be called again with the same arguments and then changes nothing, unless it says otherwise. Failing
means that nothing of that call was saved.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from domain.errors import InvalidInput
from domain.invoice.assemble import Buyer, PaymentMode, Seller
from domain.invoice.due_usage import DueUsage
from domain.invoice.model import Invoice
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class Batch:
    """One of `of` parts of the accounts: those whose id leaves the remainder `number`."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            raise InvalidInput(f"batch {self.number} of {self.of}: batches are numbered from 0 to {self.of - 1}")


@dataclass(frozen=True, slots=True)
class InvoiceRun:
    """The invoicing of one month: opened on balanced books, issued only after a person's approval."""

    month: BillingMonth
    certificate: Mapping[str, Any]
    checked_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueAccount:
    """An account with everything it is to be invoiced for, its own usage and that of accounts billed to it.

    `usage` is in the order of the lines.
    """

    account_id: int
    code: str
    mode: PaymentMode
    currency: Currency
    buyer: Buyer
    usage: tuple[DueUsage, ...]
    payment_term_days: int | None = None
    """Days the account agreed to; None: the seller's usual term."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice and the totals its lines take from: `account.usage` and `invoice.lines` match one to one."""

    account: DueAccount
    invoice: Invoice


@dataclass(slots=True)
class DraftChanges:
    """What saving drafts did, in numbers of accounts."""

    drafted: int = 0
    redrafted: int = 0
    unchanged: int = 0
    removed: int = 0
    """Drafts of accounts that have nothing due any more."""

    def add(self, other: "DraftChanges") -> None:
        """Count another part."""
        self.drafted += other.drafted
        self.redrafted += other.redrafted
        self.unchanged += other.unchanged
        self.removed += other.removed


@dataclass(frozen=True, slots=True)
class Failure:
    """An account that cannot be invoiced until a person has repaired something; `reason` says what."""

    account: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Amounts:
    """Invoices of one currency added up, in minor units."""

    currency: Currency
    invoices: int
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    prepaid_minor: int


@dataclass(frozen=True, slots=True)
class MonthOfInvoices:
    """Where the invoices of a month stand."""

    drafts: Sequence[Amounts]
    issued: Sequence[Amounts]
    first_number: str | None
    last_number: str | None
    printed: int
    late_lines: int
    left_out: int
    """Accounts with something due and neither a draft nor an issued invoice."""

    @property
    def open_accounts(self) -> int:
        """Accounts still to be issued an invoice."""
        return self.left_out + sum(amounts.invoices for amounts in self.drafts)

    @property
    def accounts(self) -> int:
        """Accounts that have, or are to have, an invoice of this month."""
        return self.open_accounts + sum(amounts.invoices for amounts in self.issued)


@dataclass(frozen=True, slots=True)
class PrintedCopy:
    """Where an invoice's PDF lies, from the invoice folder, and the SHA-256 of its bytes."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class IssuedInvoice:
    """A final invoice and its printed copy, if it has one."""

    number: str
    invoice: Invoice
    copy: PrintedCopy | None


@dataclass(frozen=True, slots=True)
class WaitingDraft:
    """A draft on the issuing desk, with what its account has due now, read under lock."""

    invoice_id: int
    digest: str
    account: DueAccount


@dataclass(frozen=True, slots=True)
class Issue:
    """A draft that becomes final."""

    invoice_id: int
    account: DueAccount
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class IssueDesk:
    """A transaction that issues: it holds the number series and the wallets of its accounts until it ends."""

    drafts: Sequence[WaitingDraft]
    """In the order of account codes; their usage cannot change while the desk is open."""
    series: str
    next_number: int
    issues: list[Issue] = field(default_factory=list)
    """What the use case decided to issue, in the order of their numbers, from `next_number` on."""
    removals: list[int] = field(default_factory=list)
    """Ids of drafts that have nothing due any more."""


class InvoiceRuns(Protocol):
    """The runs, one a month."""

    def get(self, month: BillingMonth) -> InvoiceRun | None:
        """The run of a month, if it was started."""

    def save(self, run: InvoiceRun, *, actor: str, now: datetime, action: str | None = None) -> None:
        """Write a run over what is there, with an audit record: started or approved, unless `action` says what else."""


class InvoiceDrafts(Protocol):
    """Drafts: made anew as often as wanted, until they are issued."""

    def seller(self) -> Seller:
        """Who invoices. Raises WrongSetup unless there is exactly one."""

    def time_zones(self) -> Sequence[str]:
        """The time zones accounts read their months in."""

    def due(self, month: BillingMonth, batch: Batch) -> Sequence[DueAccount]:
        """The accounts of a batch that have usage up to this month no issued invoice has taken, by account code.

        Accounts whose invoice of this month is issued already are left out: what is due for them goes on the next one.
        """

    def undrafted(self, month: BillingMonth) -> Sequence[DueAccount]:
        """Of every account `due` would give, those without a draft."""

    def replace(self, month: BillingMonth, batch: Batch, drafts: Sequence[Draft], *, now: datetime) -> DraftChanges:
        """Make these the drafts of a batch: writes what differs and removes the drafts of accounts not among them."""


class InvoiceIssuing(Protocol):
    """The one way a draft becomes final."""

    def desk(
        self, month: BillingMonth, *, financial_year: str, after: str, size: int, now: datetime
    ) -> AbstractContextManager[IssueDesk]:
        """Open a desk on the next `size` drafts after an account code; what was put on it is saved when it closes.

        Numbers, invoices, what they take from the running totals, and the wallets they settle are saved together or,
        when the block is left by an exception, not at all. One desk is open at a time: others wait.
        """

    def balances(self, month: BillingMonth) -> Sequence[Balance]:
        """The wallets that issued invoices of a month have settled."""


class Invoices(Protocol):
    """Looking at invoices, and keeping their printed copies."""

    def month(self, month: BillingMonth) -> MonthOfInvoices:
        """Where a month stands."""

    def issued(self, month: BillingMonth, batch: Batch) -> Sequence[IssuedInvoice]:
        """The final invoices of a batch of accounts, by number."""

    def get(self, number: str) -> IssuedInvoice:
        """A final invoice. Raises NotFound."""

    def listing(self, month: BillingMonth) -> Sequence[Mapping[str, Any]]:
        """One row for each invoice, drafts included."""

    def record_copies(self, copies: Mapping[str, PrintedCopy], *, now: datetime) -> None:
        """Keep where the copies of some numbers lie. A copy once kept is never replaced by a different one."""


InvoicePrinter = Callable[[Invoice], bytes]
"""The printed form, a PDF. The same invoice always gives the same bytes."""


@dataclass(frozen=True, slots=True)
class InvoiceBook:
    """Everything about invoices that is kept in the billing database."""

    runs: InvoiceRuns
    drafts: InvoiceDrafts
    issuing: InvoiceIssuing
    invoices: Invoices


class InvoiceFolder(Protocol):
    """Where printed copies lie."""

    def digest(self, path: str) -> str | None:
        """SHA-256 of a file, or None when there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Put a file there, whole or not at all; replaces a file of that name."""


class Balances(Protocol):
    """The fast copy of balances. May be told twice and out of order: an older version never wins."""

    def put(self, balances: Sequence[Balance]) -> object:
        """Take over balances. Failing means only that the copy is stale until the next call."""
