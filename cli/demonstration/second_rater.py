"""A rater of its own for the demonstration: prices, discounts and fees from the plan documents in plain fractions.

It shares no code with domain/ and invoicing/, so that an error there cannot hide in the proof.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

ANY = "*"
FEES = ("recurring", "commitment")
_ORDER = ("free_amount", "percentage", "maximum")


def charges_of(
    plan: Mapping[str, Any], event_type: str, properties: Mapping[str, object]
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The usage charges that count an event: the code, the name of the price row, and the row."""
    meters = {meter["code"]: meter for meter in plan.get("meters", ())}
    for charge in plan["charges"]:
        if charge.get("kind", "usage") != "usage":
            continue
        names = charge.get("meters") or [charge["meter"]]
        named = [meters.get(name, {"event_type": name}) for name in names]
        if any(_counts(meter, event_type, properties) for meter in named):
            yield charge.get("code", names[0]), *choose_price(charge["price"], properties)


def _counts(meter: Mapping[str, Any], event_type: str, properties: Mapping[str, object]) -> bool:
    if meter.get("aggregation", "sum") != "sum" or "property" in meter:
        raise LookupError(f"the demonstration does not know meters like {meter['code']}")
    filters = meter.get("filter", {})
    return meter["event_type"] == event_type and all(properties.get(name) in filters[name] for name in filters)


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


def adjustments_of(plan: Mapping[str, Any], *, month_number: int) -> list[Mapping[str, Any]]:
    """What is taken off in a month of a subscription, 0 being its first, in the order it is taken off."""
    listed = [one for one in plan.get("adjustments", ()) if month_number < one.get("periods", month_number + 1)]
    return sorted(listed, key=lambda one: _ORDER.index(one["kind"]))


def is_made_on(adjustment: Mapping[str, Any], code: str) -> bool:
    """Whether an adjustment is made on the money of a usage charge."""
    return code in adjustment.get("applies_to", [code])


def counts_earlier(adjustment: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Whether it is made on what an earlier adjustment left: when all that one is made on is its own too."""
    return "applies_to" not in adjustment or set(earlier.get("applies_to", [None])) <= set(adjustment["applies_to"])


def taken_off_micros(adjustment: Mapping[str, Any], money_micros: int) -> int:
    """What an adjustment comes to at so much money: never above zero."""
    if adjustment["kind"] == "percentage":
        return -floor(Fraction(adjustment["percent"]) / 100 * money_micros + Fraction(1, 2))
    limit_micros = int(Fraction(adjustment["amount"]) * 1_000_000)
    return -min(money_micros, limit_micros) if adjustment["kind"] == "free_amount" else min(0, limit_micros - money_micros)


def fee_micros(fee: Mapping[str, Any], *, spent_micros: int) -> int:
    """What a whole month of a fee comes to, given what usage less discounts came to in it."""
    if fee["every"] != "month" or fee.get("billed", "in_arrears") != "in_arrears" or "counts" in fee:
        raise LookupError(f"the demonstration does not know fees like {fee['code']}")
    if fee["kind"] == "recurring":
        return int(Fraction(fee["amount"]) * 1_000_000)
    return max(0, int(Fraction(fee["minimum"]) * 1_000_000) - spent_micros)
