"""What an adjustment comes to at a sum of money, in exact fractions, from its document."""

from fractions import Fraction
from typing import Final

from invoicing.recompute.prices import to_micros
from invoicing.recompute.terms import Adjustment

ORDER: Final = ("trial", "free_amount", "percentage", "maximum")
"""Kinds in the order they are made; those of one kind as they are listed."""
_MILLION: Final = 1_000_000


def adjusted_micros(adjustment: Adjustment, money_micros: int) -> int:
    """What is taken off a sum of money, as a number that is not above zero; all in micros."""
    money = Fraction(money_micros, _MILLION)
    document = adjustment.document
    if adjustment.kind == "trial":
        off = money
    elif adjustment.kind == "percentage":
        off = money * Fraction(document["percent"]) / 100
    elif adjustment.kind == "free_amount":
        off = max(Fraction(0), min(money, Fraction(document["amount"])))
    else:
        off = max(Fraction(0), money - Fraction(document["amount"]))
    return to_micros(-off)
