"""A second way to a price: exact fractions from its document, as each model is defined, with none of the code that bills."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, inf
from typing import Any

from domain.pricing import PriceModel

MICROS = 1_000_000


def exact_price(price: PriceModel, quantity_millionths: int) -> Fraction:
    """The price of a running total (of one event, where each has its own) in micros, before any rounding."""
    document = price.document()
    units = Fraction(quantity_millionths, 1_000_000)
    if document["model"] == "percentage":
        return MICROS * of_event(document, units)
    return MICROS * of_total(document, max(Fraction(0), units - number(document, "free_units")))


def of_event(document: Mapping[str, Any], amount: Fraction) -> Fraction:
    unbounded = number(document, "fixed") + abs(amount) * number(document, "percent") / 100
    most = document.get("maximum")
    bounded = max(unbounded, number(document, "minimum"))
    bounded = bounded if most is None else min(bounded, Fraction(most))
    return bounded if amount >= 0 else -bounded


def of_total(document: Mapping[str, Any], units: Fraction) -> Fraction:
    match document["model"]:
        case "per_unit":
            return units * number(document, "unit_price")
        case "package":
            size = number(document, "package_size")
            whole = ceil if document.get("packages", "started") == "started" else floor
            return whole(units / size) * number(document, "package_price")
    tiers = list(with_floors(document["tiers"]))
    if units == 0:
        return number(tiers[0][2], "flat_fee") if document.get("flat_at_zero") else Fraction(0)
    entered = [(low, high, tier) for low, high, tier in tiers if units > low]
    of_entered = [number(tier, "flat_fee") for _, _, tier in entered]
    match document["model"]:
        case "graduated":
            return sum(of_entered) + sum(
                (min(units, high) - low) * number(tier, "unit_price") for low, high, tier in entered
            )
        case "volume":
            return of_entered[-1] + units * number(entered[-1][2], "unit_price")
        case "stairstep":
            return sum(of_entered) if document.get("steps") == "passed" else of_entered[-1]
    raise AssertionError(document["model"])


def with_floors(tiers):
    """Each tier with the units it lies between."""
    edges = [0, *(Fraction(tier["up_to"]) for tier in tiers[:-1]), inf]
    return [(low, high, tier) for (low, high), tier in zip(pairwise(edges), tiers, strict=True)]


def number(document: Mapping[str, Any], name: str) -> Fraction:
    return Fraction(document.get(name, 0))


def rounded(amount: Fraction) -> int:
    """To the nearest whole number, halves away from zero."""
    floor = amount.numerator // amount.denominator
    fraction = amount - floor
    up = fraction > Fraction(1, 2) or (fraction == Fraction(1, 2) and amount > 0)
    return floor + 1 if up else floor
