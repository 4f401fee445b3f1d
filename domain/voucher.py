"""Vouchers: the paper for an advance received (CGST Rule 50) and for one paid back without a supply (Rule 51).

A voucher is no tax invoice: the invoice for what was used comes at the end of the month and sets the advance off.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from domain.invoice.model import Party, TaxLine
from domain.money import Currency

DESCRIPTION: Final = "Advance for messaging and authentication services (prepaid balance)"


class VoucherKind(StrEnum):
    """Which paper it is."""

    RECEIPT = "receipt"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class VoucherDocument:
    """A voucher as it is printed, frozen and self-checking. Amounts are minor units."""

    kind: VoucherKind
    number: str
    issue_date: date
    """IST calendar date."""
    currency: Currency
    account_code: str
    seller: Party
    buyer: Party
    place_of_supply: str
    """GST state code; 96 abroad."""
    supply_type: str
    legend: str | None
    sac: str
    total_minor: int
    """The advance, or what goes back of it, tax included."""
    taxable_minor: int
    taxes: tuple[TaxLine, ...]
    gateway: str
    payment: str
    receipt: tuple[str, date] | None = None
    """Number and date of the receipt voucher whose advance goes back; of refund vouchers only."""

    def __post_init__(self) -> None:
        if self.total_minor != self.taxable_minor + sum(tax.tax_minor for tax in self.taxes):
            raise ValueError("the total is not taxable value plus tax")
        if (self.receipt is None) is (self.kind is VoucherKind.REFUND):
            raise ValueError("a refund voucher names its receipt voucher, and a receipt voucher names none")
