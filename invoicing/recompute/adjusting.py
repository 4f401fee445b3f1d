"""Adjustments anew: each is made on the money of the totals it applies to, once those are known."""

from collections.abc import Mapping

from invoicing.recompute.adjustments import adjusted_micros
from invoicing.recompute.positions import Recomputed, Running, TotalKey


def adjust(result: Recomputed, booked: Mapping[TotalKey, Running]) -> None:
    """Add the totals and positions of adjustments to what was priced anew.

    How the money of a position that spans months or accounts falls on them depends on the order events came in, so there an
    adjustment is made on what is booked; that it adds up is compared by position.
    """
    for key in result.made_on:
        _adjust(result, key, booked)
    for key, (adjustment, _) in result.made_on.items():
        if not result.is_whole(key):
            position = result.positions[result.position_of[key]]
            position.amount_micros = adjusted_micros(adjustment, position.quantity_millionths)


def _adjust(result: Recomputed, key: TotalKey, booked: Mapping[TotalKey, Running]) -> int:
    """What a total came to, in micros; of an adjustment, after working it out with those before it."""
    if key not in result.made_on:
        return result.totals[key].amount_micros if result.is_whole(key) else _booked(booked, key)
    if key not in result.totals:
        adjustment, on = result.made_on[key]
        money = sum(_adjust(result, earlier, booked) for earlier in on)
        total = result.totals[key] = Running(money, adjusted_micros(adjustment, money))
        if not result.is_whole(key):
            result.positions.setdefault(result.position_of[key], Running()).quantity_millionths += money
            total.amount_micros = _booked(booked, key)
    return result.totals[key].amount_micros


def _booked(booked: Mapping[TotalKey, Running], key: TotalKey) -> int:
    return booked[key].amount_micros if key in booked else 0
