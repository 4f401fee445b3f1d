"""The invoice document: parties, lines, taxes and totals, frozen and self-checking.

Source: CGST Rule 46 for the particulars a tax invoice must carry.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.money import Currency
from domain.period import BillingMonth


class InvoiceStatus(StrEnum):
    """Where an invoice is in its life; only an issued one has a number, and it never changes again."""

    DRAFT = "draft"
    ISSUED = "issued"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer as printed: snapshotted onto the document, so that a later change never rewrites it."""

    legal_name: str
    address_lines: tuple[str, ...]
    country: str
    """ISO 3166-1 alpha-2."""
    state_code: str | None
    """GST state code, two digits; None outside India."""
    gstin: str | None
    email: str | None = None
    payment_lines: tuple[str, ...] = ()
    """How to pay the seller, as printed: bank, account, IFSC; empty for buyers."""


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One head of tax on the document: CGST, SGST, UTGST or IGST."""

    head: str
    rate_basis_points: int
    taxable_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One charge for one service month; `amount_minor` is rounded here and nowhere later."""

    line_number: int
    description: str
    sac: str
    quantity_millionths: int
    """Units times 1,000,000."""
    unit: str
    unit_price_text: str
    """The price as printed: "₹0.1450", or "graduated" where tiers apply."""
    amount_micros: int
    amount_minor: int
    event_count: int
    plan_version: str
    service_month: BillingMonth
    late: bool = False
    """True for usage of an earlier month that arrived after that month was invoiced (DESIGN §3.7)."""
    service_days: tuple[date, date] | None = None
    """The first and last day a fee is for; None: the service month. A fee's service month is the one it fell due in."""

    def takes_nothing(self, currency: Currency) -> bool:
        """Whether it is an adjustment that took nothing off, as a spend cap that was not reached."""
        return self.unit == str(currency) and self.amount_minor == 0 and self.event_count == 0


@dataclass(frozen=True, slots=True)
class Invoice:
    """A tax invoice: draft until it has a number and a date of issue."""

    account_code: str
    month: BillingMonth
    currency: Currency
    seller: Party
    buyer: Party
    place_of_supply: str
    """GST state code; 96 for a recipient outside India."""
    supply_type: str
    """B2B, B2C, SEZWP, SEZWOP, EXPWP or EXPWOP (INV-01 SupTyp, with B2C added)."""
    legend: str | None
    """Endorsement required by the third proviso to Rule 46 for exports and SEZ; None otherwise."""
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxLine, ...]
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    prepaid_minor: int
    """Part of the total settled from the prepaid wallet."""
    status: InvoiceStatus = InvoiceStatus.DRAFT
    number: str | None = None
    issue_date: date | None = None
    """IST calendar date."""
    due_date: date | None = None

    def printed_lines(self) -> tuple[InvoiceLine, ...]:
        """Those a customer reads: without adjustments that took nothing off, which follow all others. Never none."""
        return tuple(line for line in self.lines if not line.takes_nothing(self.currency)) or self.lines

    def __post_init__(self) -> None:
        if self.subtotal_minor != sum(line.amount_minor for line in self.lines):
            raise ValueError("the subtotal is not the sum of the lines")
        if self.tax_minor != sum(tax.tax_minor for tax in self.taxes):
            raise ValueError("the tax is not the sum of its heads")
        if self.total_minor != self.subtotal_minor + self.tax_minor:
            raise ValueError("the total is not subtotal plus tax")
        if (self.status is InvoiceStatus.ISSUED) != (self.number is not None and self.issue_date is not None):
            raise ValueError("an invoice has a number and an issue date exactly when it is issued")

    @property
    def due_minor(self) -> int:
        """What is left to pay, in minor units."""
        return self.total_minor - self.prepaid_minor
