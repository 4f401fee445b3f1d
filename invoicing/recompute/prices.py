"""What a running total costs, by the price document and in exact fractions; rounded once, to micros."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

Price = Mapping[str, Any]
"""A price as the plan document has it."""


def total_micros(price: Price, quantity: Fraction) -> int:
    """The price of a running total, in micros; below zero, and while all of it is free, that of no usage.

    Raises KeyError for a model that is priced event by event, or unknown.
    """
    return to_micros(_OF_TOTAL[price["model"]](price, max(Fraction(0), quantity - _number(price, "free_units"))))


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
    packages = quantity / _number(price, "package_size")
    return _number(price, "package_price") * (floor(packages) if price.get("packages") == "completed" else ceil(packages))


def _graduated(price: Price, quantity: Fraction) -> Fraction:
    tiers = price["tiers"]
    amount = _flat_at_zero(price) if quantity == 0 else Fraction(0)
    below = Fraction(0)
    for tier in tiers:
        if quantity <= below:
            break
        top = min(quantity, _end(tier, otherwise=quantity))
        amount += _number(tier, "flat_fee") + (top - below) * _number(tier, "unit_price")
        below = top
    return amount


def _volume(price: Price, quantity: Fraction) -> Fraction:
    if quantity == 0:
        return _flat_at_zero(price)
    reached = _entered(price, quantity)[-1]
    return _number(reached, "flat_fee") + quantity * _number(reached, "unit_price")


def _stairstep(price: Price, quantity: Fraction) -> Fraction:
    if quantity == 0:
        return _flat_at_zero(price)
    fees = [_number(step, "flat_fee") for step in _entered(price, quantity)]
    return sum(fees, Fraction(0)) if price.get("steps") == "passed" else fees[-1]


def _percentage(price: Price, quantity: Fraction) -> Fraction:
    if quantity < 0:
        return -_percentage(price, -quantity)
    amount = max(_number(price, "minimum"), _number(price, "fixed") + quantity * _number(price, "percent") / 100)
    return min(amount, _number(price, "maximum")) if price.get("maximum") is not None else amount


def _entered(price: Price, quantity: Fraction) -> Sequence[Mapping[str, Any]]:
    """The tiers a quantity above zero has entered: those that begin below it."""
    tiers = price["tiers"]
    ended = sum(quantity > _end(tier, otherwise=quantity) for tier in tiers)
    return list(tiers[: ended + 1])


def _flat_at_zero(price: Price) -> Fraction:
    return _number(price["tiers"][0], "flat_fee") if price.get("flat_at_zero", False) else Fraction(0)


def _end(tier: Mapping[str, Any], *, otherwise: Fraction) -> Fraction:
    end = tier.get("up_to")
    return otherwise if end is None else Fraction(end)


def _number(document: Mapping[str, Any], name: str) -> Fraction:
    return Fraction(document.get(name, 0))


_OF_TOTAL: Final[Mapping[str, Callable[[Price, Fraction], Fraction]]] = {
    "per_unit": _per_unit,
    "package": _package,
    "graduated": _graduated,
    "volume": _volume,
    "stairstep": _stairstep,
}
_OF_EVENT: Final[Mapping[str, Callable[[Price, Fraction], Fraction]]] = {"percentage": _percentage}
