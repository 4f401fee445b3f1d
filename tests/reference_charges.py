"""The reference model's charges and adjustments: what events of a period come to, worked out from all of them at once.

It shares no code with the system. Charges are plain data: {"code", "meters": [{"event_type", "aggregation", "property",
"filter"}], "price", "reset"}, all but the price optional in a short form that maps an event type to its price; adjustments
are what a plan file says.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

_MILLION = 1_000_000


def charges_of(plan: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The charges of a plan, which may be told shortly: {event type: price}."""
    if "charges" in plan:
        return plan["charges"]
    return [{"code": meter, "meters": [{"event_type": meter}], "price": price} for meter, price in plan.items()]


def counts(meter: Mapping[str, Any], event_type: str, properties: Mapping[str, Any]) -> bool:
    """Whether a meter counts an event."""
    let_through = meter.get("filter", {}).items()
    return meter["event_type"] == event_type and all(properties.get(name) in values for name, values in let_through)


def cell_of(price: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The most specific row of a matrix; between equals the one that names the earlier dimension."""
    if price["model"] != "matrix":
        return "*", price
    rows = [row for row in price["rows"] if all(properties.get(name) == value for name, value in row["when"].items())]
    if not rows:
        return None
    names = price["dimensions"]
    best = max(rows, key=lambda row: (len(row["when"]), [name in row["when"] for name in names]))
    return "/".join(best["when"].get(name, "*") for name in names), best


def quantity_of(meter: Mapping[str, Any], events: Iterable[Any]) -> Fraction:
    """What a meter makes of the events it counts: units."""
    kind, name = meter.get("aggregation", "sum"), meter.get("property", "quantity")
    values = [(event, event.quantity if name == "quantity" else dict(event.properties)[name]) for event in events]
    if kind == "count":
        return sum((Fraction(-1 if event.quantity < 0 else 1) for event, _ in values), Fraction(0))
    if kind == "unique":
        return Fraction(len({value for _, value in values}))
    if kind == "max":
        return Fraction(max(value for _, value in values))
    return sum((Fraction(value) for _, value in values), Fraction(0))


def amount_of(tariff: Mapping[str, Any], quantity: Fraction) -> int:
    """The price of a running total, in micros."""
    return rounded(_price(tariff, quantity))


def _price(tariff: Mapping[str, Any], quantity: Fraction) -> Fraction:
    if "tiers" not in tariff:
        return quantity * Fraction(tariff["unit_price"])
    if tariff["model"] == "volume":
        if quantity <= 0:
            return Fraction(0)
        tier = next(tier for tier in tariff["tiers"] if "up_to" not in tier or quantity <= tier["up_to"])
        return quantity * Fraction(tier["unit_price"])
    amount, below = Fraction(0), Fraction(0)
    for tier in tariff["tiers"]:
        top = min(quantity, Fraction(tier.get("up_to", quantity)))
        amount += max(Fraction(0), top - below) * Fraction(tier["unit_price"])
        below = max(below, top)
    return amount


def adjusted(adjustments: Sequence[Mapping[str, Any]], money: Mapping[str, int]) -> int:
    """What adjustments come to, one after the other, on the money of charges by code; in micros."""
    taken: list[tuple[set[str], int]] = []
    for adjustment in adjustments:
        names = set(adjustment["applies_to"])
        so_far = sum(micros for code, micros in money.items() if code in names)
        so_far += sum(micros for others, micros in taken if others <= names)
        if adjustment["kind"] == "percentage":
            micros = rounded(-Fraction(so_far, _MILLION) * Fraction(adjustment["percent"]) / 100)
        else:
            micros = min(0, int(Fraction(adjustment["amount"]) * _MILLION) - so_far)
        taken.append((names, micros))
    return sum(micros for _, micros in taken)


def rounded(amount: Fraction) -> int:
    """Micros, halves away from zero."""
    micros = int(abs(amount) * _MILLION + Fraction(1, 2))
    return micros if amount >= 0 else -micros
