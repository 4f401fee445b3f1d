"""A second way to a price: exact fractions, unit by unit of the definition, with none of the code that bills."""

from fractions import Fraction

from domain.pricing.graduated import Graduated
from domain.pricing.per_unit import PerUnit


def exact_price(price: PerUnit | Graduated, quantity_millionths: int) -> Fraction:
    """The price of a total in micros, before any rounding."""
    units = Fraction(quantity_millionths, 1_000_000)
    if isinstance(price, PerUnit):
        return units * price.unit_price_micros
    amount, floor = Fraction(0), Fraction(0)
    for tier in price.tiers:
        ceiling = units if tier.up_to_millionths is None else Fraction(tier.up_to_millionths, 1_000_000)
        amount += max(Fraction(0), min(units, ceiling) - floor) * tier.unit_price_micros
        floor = ceiling
    return amount


def rounded(amount: Fraction) -> int:
    """To the nearest whole number, halves away from zero."""
    floor = amount.numerator // amount.denominator
    fraction = amount - floor
    up = fraction > Fraction(1, 2) or (fraction == Fraction(1, 2) and amount > 0)
    return floor + 1 if up else floor
