"""Assembling an invoice: charges, two parties and the tax rules make a draft; a number makes it final."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from domain.errors import IllegalTransition, InvalidInput
from domain.invoice.model import Invoice, InvoiceLine, InvoiceStatus, Party, TaxLine
from domain.invoice.numbering import check_number
from domain.money import Currency, minor_from_micros
from domain.period import BillingMonth
from domain.tax.gst import TaxDecision, decide_tax
from domain.tax.place_of_supply import BuyerCategory, BuyerTaxProfile, LetterOfUndertaking


class PaymentMode(StrEnum):
    """How an account pays for usage: from its wallet as it happens, or on the invoice."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


@dataclass(frozen=True, slots=True)
class ChargedUsage:
    """What one price came to in one service month: a line before it is rounded and numbered."""

    description: str
    sac: str
    unit: str
    unit_price_text: str
    """The price as printed: "₹0.1450", or "graduated" where tiers apply."""
    quantity_millionths: int
    amount_micros: int
    event_count: int
    plan_version: str
    service_month: BillingMonth
    late: bool = False
    """True for usage of a month that had already been invoiced when it arrived."""
    service_days: tuple[date, date] | None = None
    """The first and last day a fee is for; None: the service month."""


@dataclass(frozen=True, slots=True)
class MonthOfCharges:
    """Everything one account is to be invoiced for in one billing month."""

    account_code: str
    month: BillingMonth
    currency: Currency
    mode: PaymentMode
    lines: tuple[ChargedUsage, ...]


@dataclass(frozen=True, slots=True)
class Seller:
    """Who invoices, with the letter of undertaking that lets exports go without tax."""

    party: Party
    lut: LetterOfUndertaking | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who is invoiced, and what GST law takes them for."""

    party: Party
    category: BuyerCategory
    export_with_tax: bool = False
    """True for a buyer abroad or in an SEZ that is invoiced with IGST although the seller has a letter of undertaking."""


def assemble(charges: MonthOfCharges, *, seller: Seller, buyer: Buyer, on: date, sandbox: bool = False) -> Invoice:
    """The draft of an invoice to be issued `on` a date (IST), which decides the rate and the LUT.

    Each line is rounded to minor units here and nowhere later; tax is computed on their sum. A prepaid
    account has paid the whole in advance: its wallet bore the usage and the top-up's receipt voucher the
    tax (DESIGN §6). Draft again when the date of issue moves. `sandbox`: see `domain.tax.gstin.fault_of`.

    Raises InvalidInput for no lines, lines of different tax rates or a negative sum, and what `decide_tax`
    raises.
    """
    if not charges.lines:
        raise InvalidInput(f"lines: account {charges.account_code} has nothing to invoice for {charges.month}")
    decision = _decide(charges.lines, seller=seller, buyer=buyer, on=on, sandbox=sandbox)
    lines = tuple(_line(number, usage) for number, usage in enumerate(charges.lines, start=1))
    subtotal = sum(line.amount_minor for line in lines)
    if subtotal < 0:
        raise InvalidInput(
            f"lines: account {charges.account_code} is owed {-subtotal} minor units for {charges.month};"
            " a credit note is the document for that"
        )
    taxes = tuple(
        TaxLine(str(rate.head), rate.rate_basis_points, subtotal, rate.tax_minor(subtotal)) for rate in decision.heads
    )
    tax = sum(line.tax_minor for line in taxes)
    return Invoice(
        account_code=charges.account_code,
        month=charges.month,
        currency=charges.currency,
        seller=seller.party,
        buyer=buyer.party,
        place_of_supply=decision.supply.place_of_supply,
        supply_type=str(decision.supply.type),
        legend=decision.supply.legend,
        lines=lines,
        taxes=taxes,
        subtotal_minor=subtotal,
        tax_minor=tax,
        total_minor=subtotal + tax,
        prepaid_minor=subtotal + tax if charges.mode is PaymentMode.PREPAID else 0,
    )


def issue(invoice: Invoice, *, number: str, issue_date: date, due_date: date) -> Invoice:
    """A draft made final: numbered, dated (IST) and never changed again.

    Raises IllegalTransition for anything but a draft, and InvalidInput for a number Rule 46(b) does not
    allow or a due date before the date of issue.
    """
    if invoice.status is not InvoiceStatus.DRAFT:
        raise IllegalTransition(
            f"invoice {invoice.number} is {invoice.status} and cannot be issued; only a draft can",
            status=invoice.status,
        )
    check_number(number)
    if due_date < issue_date:
        raise InvalidInput(f"due_date: {due_date} is before the date of issue, {issue_date}", field="due_date")
    return replace(invoice, status=InvoiceStatus.ISSUED, number=number, issue_date=issue_date, due_date=due_date)


def _decide(lines: Sequence[ChargedUsage], *, seller: Seller, buyer: Buyer, on: date, sandbox: bool) -> TaxDecision:
    if seller.party.gstin is None:
        raise InvalidInput("seller.gstin: only a registered seller issues tax invoices", field="seller.gstin")
    party = buyer.party
    profile = BuyerTaxProfile(party.country, party.gstin, buyer.category, party.state_code)
    lut = None if buyer.export_with_tax else seller.lut
    decisions = {
        sac: decide_tax(seller.party.gstin, profile, on=on, sac=sac, lut=lut, sandbox=sandbox)
        for sac in {line.sac: None for line in lines}
    }
    if len(set(decisions.values())) > 1:
        raise InvalidInput(
            f"lines: the service codes {', '.join(decisions)} bear different tax rates; put them on separate invoices",
            field="sac",
        )
    return next(iter(decisions.values()))


def _line(number: int, usage: ChargedUsage) -> InvoiceLine:
    return InvoiceLine(
        line_number=number,
        description=usage.description,
        sac=usage.sac,
        quantity_millionths=usage.quantity_millionths,
        unit=usage.unit,
        unit_price_text=usage.unit_price_text,
        amount_micros=usage.amount_micros,
        amount_minor=minor_from_micros(usage.amount_micros),
        event_count=usage.event_count,
        plan_version=usage.plan_version,
        service_month=usage.service_month,
        late=usage.late,
        service_days=usage.service_days,
    )
