"""A rater of its own for the demonstration: prices, discounts and fees from plans and contracts in plain fractions.

It shares no code with domain/ and invoicing/, so that an error there cannot hide in the proof.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

ANY = "*"
FEES = ("recurring", "one_time", "commitment")
_ORDER = ("free_amount", "percentage", "maximum")


class Counted(NamedTuple):
    """A usage charge that counts an event."""

    charge: str
    price: str
    """The name of the row that prices it: "sms/IN"."""
    row: Mapping[str, Any]
    meter: Mapping[str, Any]


def agreed(plan: Mapping[str, Any], contract: Mapping[str, Any]) -> dict[str, Any]:
    """A plan under a contract: each charge of that stands in the place of the plan's of the same code, or is added."""
    charges = {charge.get("code", charge.get("meter")): charge for charge in (*plan["charges"], *contract["charges"])}
    return {**plan, "charges": list(charges.values())}


def charges_of(plan: Mapping[str, Any], event_type: str, properties: Mapping[str, object]) -> Iterator[Counted]:
    """The usage charges that count an event."""
    meters = {meter["code"]: meter for meter in plan.get("meters", ())}
    for charge in plan["charges"]:
        if charge.get("kind", "usage") != "usage":
            continue
        names = charge.get("meters") or [charge["meter"]]
        for name in names:
            meter = meters.get(name, {"code": name, "event_type": name})
            if _counts(meter, event_type, properties):
                yield Counted(charge.get("code", names[0]), *choose_price(charge["price"], properties), meter)


def measured(meter: Mapping[str, Any], properties: Mapping[str, Any], quantity_millionths: int) -> int | str:
    """What a meter reads off an event: millionths of a unit, or the value of which it counts how many there are."""
    aggregation = meter.get("aggregation", "sum")
    if aggregation == "sum" and "property" not in meter:
        return quantity_millionths
    value = properties[meter["property"]] if "property" in meter else None
    if aggregation == "sum" and value is not None:
        return int(Fraction(str(value)) * 1_000_000)
    if aggregation == "unique" and isinstance(value, str):
        return value
    raise LookupError(f"the demonstration does not know meters like {meter['code']}")


def _counts(meter: Mapping[str, Any], event_type: str, properties: Mapping[str, object]) -> bool:
    filters = meter.get("filter", {})
    return bool(meter["event_type"] == event_type) and all(properties.get(name) in filters[name] for name in filters)


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


def is_per_event(price: Mapping[str, Any]) -> bool:
    """Whether each event is priced by itself."""
    return bool(price["model"] == "percentage")


def amount_micros(price: Mapping[str, Any], quantity: Fraction) -> int:
    """What a quantity of units costs in all, or in one event, in micros, a half counting as one."""
    return floor(_amount(price, quantity) * 1_000_000 + Fraction(1, 2))


def _amount(price: Mapping[str, Any], used: Fraction) -> Fraction:
    if is_per_event(price):
        share = max(
            Fraction(price["percent"]) / 100 * used + Fraction(price.get("fixed", 0)), Fraction(price.get("minimum", 0))
        )
        return min(share, Fraction(price["maximum"])) if "maximum" in price else share
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
    """What a whole month of a fee comes to, or all of one that is paid once, given what usage less discounts came to."""
    if fee.get("every", "month") != "month" or fee.get("anchor", "calendar") != "calendar" or "counts" in fee:
        raise LookupError(f"the demonstration does not know fees like {fee['code']}")
    if fee["kind"] != "commitment":
        return int(Fraction(fee["amount"]) * 1_000_000)
    return max(0, int(Fraction(fee["minimum"]) * 1_000_000) - spent_micros)
