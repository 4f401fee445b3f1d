"""A rater of its own for the demonstration: prices from the plan documents in plain fractions.

It shares no code with domain/pricing and domain/metering, so that an error there cannot hide in the proof.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

ANY = "*"


def choose_price(price: Mapping[str, Any], properties: Mapping[str, object]) -> tuple[str, Mapping[str, Any]]:
    """The row of a price for an event's properties, with its name ("sms/IN"). Raises LookupError when none fits."""
    if price["model"] != "matrix":
        return ANY, price
    dimensions = price["dimensions"]
    best: tuple[list[int], str, Mapping[str, Any]] | None = None
    for row in price["rows"]:
        when = row.get("when", {})
        if any(properties.get(name) != value for name, value in when.items()):
            continue
        named = [int(name in when) for name in dimensions]
        rank = [sum(named), *named]
        if best is None or rank > best[0]:
            best = rank, "/".join(when.get(name, ANY) for name in dimensions), row
    if best is None:
        raise LookupError(f"no row for {dict(properties)}")
    return best[1], best[2]


def amount_micros(price: Mapping[str, Any], quantity: Fraction) -> int:
    """What a quantity of units costs in all, in micros, a half counting as one."""
    return floor(_amount(price, quantity) * 1_000_000 + Fraction(1, 2))


def _amount(price: Mapping[str, Any], used: Fraction) -> Fraction:
    quantity = max(Fraction(0), used - Fraction(price.get("free_units", 0)))
    if price["model"] == "per_unit":
        return Fraction(price["unit_price"]) * quantity
    if price["model"] == "package":
        return Fraction(price["package_price"]) * ceil(quantity / Fraction(price["package_size"]))
    if price["model"] == "volume":
        tier = next(tier for tier in price["tiers"] if "up_to" not in tier or quantity <= Fraction(tier["up_to"]))
        return Fraction(tier["unit_price"]) * quantity
    if price["model"] != "graduated":
        raise LookupError(f"the demonstration does not know the price model {price['model']}")
    amount = Fraction(0)
    below = Fraction(0)
    for tier in price["tiers"]:
        top = quantity if "up_to" not in tier else min(quantity, Fraction(tier["up_to"]))
        amount += max(Fraction(0), top - below) * Fraction(tier["unit_price"])
        below = max(below, top)
    return amount
