"""Advances: what part of a payment is credit and what part is tax, and what of both a refund gives back.

A top-up is an advance for services: tax is due when it is received (CGST Act s. 13(2)), a receipt voucher says so (Rule
50), and a refund voucher when it is paid back without a supply (Rule 51). The payment includes the tax, so each head is cut
out of it by Rule 35, value inclusive × rate / (100 + all rates), and the rest is the taxable value: ₹1,180 are ₹1,000 and
₹180.
"""

from dataclasses import dataclass
from typing import Final

from domain.money import MICROS_PER_MINOR, divide_half_away_from_zero
from domain.tax.gst import TaxDecision
from domain.tax.states import Head

_WHOLE_BASIS_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Advance:
    """A payment in minor units: the taxable value and the heads add up to it."""

    paid_minor: int
    taxable_minor: int
    taxes: tuple[tuple[Head, int], ...]

    @property
    def credit_micros(self) -> int:
        """What the wallet is credited with: the value before tax."""
        return self.taxable_minor * MICROS_PER_MINOR


def split_payment(paid_minor: int, decision: TaxDecision) -> Advance:
    """A payment that includes its tax."""
    rates = sum(head.rate_basis_points for head in decision.heads)
    taxes = tuple(
        (head.head, divide_half_away_from_zero(paid_minor * head.rate_basis_points, _WHOLE_BASIS_POINTS + rates))
        for head in decision.heads
    )
    return Advance(paid_minor, paid_minor - sum(tax for _, tax in taxes), taxes)


def given_back(advance: Advance, *, before_minor: int, amount_minor: int) -> Advance:
    """What of an advance goes back with `amount_minor` of it, after `before_minor` went back earlier.

    Parts are cut out of the running sum, so all that goes back of a payment is exactly that payment, head by head.
    """
    after = before_minor + amount_minor
    if not 0 <= before_minor <= after <= advance.paid_minor:
        raise ValueError("more would go back than was paid")
    taxes = tuple(
        (head, _share(tax, after, advance.paid_minor) - _share(tax, before_minor, advance.paid_minor))
        for head, tax in advance.taxes
    )
    return Advance(amount_minor, amount_minor - sum(tax for _, tax in taxes), taxes)


def _share(part: int, of_minor: int, whole_minor: int) -> int:
    return divide_half_away_from_zero(part * of_minor, whole_minor)
