"""What a running total costs, by the price document and in exact fractions; rounded once, to micros."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

Price = Mapping[str, Any]
"""A price as the plan document has it."""


def total_micros(price: Price, quantity: Fraction) -> int:
    """The price of a running total, in micros. Raises KeyError for a model that is priced event by event, or unknown."""
    chargeable = max(Fraction(0), quantity - _number(price, "free_units")) if "free_units" in price else quantity
    return to_micros(_OF_TOTAL[price["model"]](price, chargeable))


def event_micros(price: Price, quantity: Fraction) -> int:
    """The price of one event under a model that is priced event by event, in micros."""
    return to_micros(_OF_EVENT[price["model"]](price, quantity))


def is_per_event(price: Price) -> bool:
    """Whether each event has a price of its own, so that the amount is a sum over events."""
    return price["model"] in _OF_EVENT


def to_micros(amount: Fraction) -> int:
    """Whole micros, halves away from zero."""
    micros = abs(amount) * 1_000_000
    whole = floor(micros + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def _per_unit(price: Price, quantity: Fraction) -> Fraction:
    return quantity * _number(price, "unit_price")


def _package(price: Price, quantity: Fraction) -> Fraction:
    return ceil(quantity / _number(price, "size")) * _number(price, "price")


def _graduated(price: Price, quantity: Fraction) -> Fraction:
    amount, below = Fraction(0), Fraction(0)
    for number, tier in enumerate(price["tiers"]):
        top = min(quantity, Fraction(tier.get("up_to") or quantity))
        if top > below or (number == 0 and price.get("flat_at_zero", False)):
            amount += _number(tier, "flat_fee") + max(Fraction(0), top - below) * _number(tier, "unit_price")
        below = max(below, top)
    return amount


def _volume(price: Price, quantity: Fraction) -> Fraction:
    if quantity == 0 and not price.get("flat_at_zero", False):
        return Fraction(0)
    tier = _reached(price["tiers"], quantity)
    return quantity * _number(tier, "unit_price") + _number(tier, "flat_fee")


def _number(document: Mapping[str, Any], name: str) -> Fraction:
    return Fraction(document.get(name, 0))


def _reached(rows: Sequence[Mapping[str, Any]], quantity: Fraction) -> Mapping[str, Any]:
    return next(row for row in rows if row.get("up_to") is None or quantity <= row["up_to"])


_OF_TOTAL: Final[Mapping[str, Callable[[Price, Fraction], Fraction]]] = {
    "per_unit": _per_unit,
    "package": _package,
    "graduated": _graduated,
    "volume": _volume,
}
_OF_EVENT: Final[Mapping[str, Callable[[Price, Fraction], Fraction]]] = {}
