"""How much messages can cost at most, by the account's own prices: what a hold reserves.

A price is a function of a running total, which other messages move before these are booked. So the bound of one price is
the dearest step of that many units anywhere from the total known to some way beyond it; prices change their slope and jump
at the ends of tiers and packages only, so it is found beside those. The bound of an event is the sum over the charges that
may count it; adjustments only ever take from it. What is not known of its properties yet is taken at its dearest.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from domain.catalogue.charges import ANY, UNDER, Cell, Charge, Reset, Sharing
from domain.catalogue.effective_plan import EffectivePlan
from domain.catalogue.meters import QUANTITY, Aggregation, Meter
from domain.pricing import PriceModel
from domain.usage import QUANTITY_SCALE

HORIZON_UNITS: Final = 10_000
"""Units by which the running total may move between the answer and the event's booking."""
Used = Mapping[tuple[int, str], int]
"""Running totals of an account's month, in millionths, by charge and price cell."""


def most_micros(
    plan: EffectivePlan, event_type: str, properties: Mapping[str, str], *, messages: int, used: Used
) -> int | None:
    """The most that so many events of a type can cost; None when nothing prices them."""
    total, priced = 0, False
    known = _by_cell(used, begins_anew=bool(plan.adjustments))
    for charge, of_type in plan.counted(event_type):
        meters = [meter for meter in of_type if _may_match(meter, properties)]
        cells = _cells(charge, properties) if meters else []
        if cells:
            quantity = sum(_quantity(meter, properties, messages) for meter in meters)
            total += max(_of_cell(charge, cell, quantity=quantity, messages=messages, used=known) for cell in cells)
            priced = True
    return total if priced else None


def needs_totals(plan: EffectivePlan, event_type: str) -> bool:
    """Whether the bound is another at other running totals; where not, nobody needs to look them up."""
    return any(depends_on_total(cell.tariff) for charge, _ in plan.counted(event_type) for cell in charge.cells.values())


def depends_on_total(price: PriceModel) -> bool:
    """Whether a price's steps differ from one running total to another."""
    return not price.per_event and (hasattr(price, "tiers") or hasattr(price, "package_size_millionths"))


def dearest_micros(price: PriceModel, quantity_millionths: int, *, used_millionths: int | None) -> int:
    """The most that so many units cost when they come after `used_millionths` or up to the horizon later; never below 0.

    None is for a total nobody knows: then it is the dearest anywhere. Of a price that prices each event by itself, it is the
    price of one event of that quantity.
    """
    if price.per_event:
        return max(price.amount_micros(quantity_millionths), 0)
    used = max(used_millionths or 0, 0)
    latest = used + HORIZON_UNITS * QUANTITY_SCALE
    if used_millionths is None:
        latest = max([latest, *_breaks(price, 0, None)])
    dearest = 0
    for start in _starts(price, quantity_millionths, used, latest):
        step = price.amount_micros(start + quantity_millionths) - price.amount_micros(start)
        dearest = max(dearest, step)
    # Rounding on the running total moves a step by up to a micro, the one found here and the one to come.
    return dearest + 2 if dearest else 0


def _of_cell(charge: Charge, cell: Cell, *, quantity: int, messages: int, used: Mapping[tuple[int, str], list[int]]) -> int:
    price = cell.tariff
    if price.per_event:
        # Bounds are per event, so many small ones may cost more than one large one.
        return messages * dearest_micros(price, -(-quantity // messages), used_millionths=None)
    if charge.reset is not Reset.MONTH or charge.shared is not Sharing.ACCOUNT:
        return dearest_micros(price, quantity, used_millionths=None)
    totals = used.get((charge.charge_id, cell.name), [0])
    return max(dearest_micros(price, quantity, used_millionths=total) for total in totals)


def _by_cell(used: Used, *, begins_anew: bool) -> dict[tuple[int, str], list[int]]:
    """Usage under an adjustment has a running total of its own: there may be several of one cell, and one yet to begin."""
    found: dict[tuple[int, str], list[int]] = {}
    for (charge_id, name), total in used.items():
        found.setdefault((charge_id, name.split(UNDER)[0]), [0] if begins_anew else []).append(total)
    return found


def _may_match(meter: Meter, properties: Mapping[str, str]) -> bool:
    return all(name not in properties or properties[name] in allowed for name, allowed in meter.filter)


def _cells(charge: Charge, properties: Mapping[str, str]) -> list[Cell]:
    """The price of these properties; all that may be it while some of the properties it looks at are not known."""
    if all(name in properties for name in charge.dimensions):
        cell = charge.cell_for(properties)
        return [cell] if cell is not None else []
    return [
        cell
        for key, cell in charge.cells.items()
        if all(
            part == ANY or name not in properties or part == properties[name]
            for part, name in zip(key, charge.dimensions, strict=True)
        )
    ]


def _quantity(meter: Meter, properties: Mapping[str, str], messages: int) -> int:
    """Millionths that messages may add: a unit each, unless a property says how many and is known."""
    if meter.measured != QUANTITY and meter.aggregation not in (Aggregation.COUNT, Aggregation.UNIQUE):
        try:
            each = Decimal(properties.get(meter.measured, "1"))
        except InvalidOperation:
            each = Decimal(1)
        if each.is_finite() and 0 <= each <= QUANTITY_SCALE:
            return messages * int((each * QUANTITY_SCALE).to_integral_value())
    return messages * QUANTITY_SCALE


def _starts(price: PriceModel, quantity: int, used: int, latest: int) -> Iterable[int]:
    """Where the dearest step may begin: at the ends of the span, and so that it begins or ends beside a break."""
    starts = {used, latest}
    for edge in _breaks(price, used, latest + quantity):
        for beside in (edge - 1, edge, edge + 1):
            starts |= {beside, beside - quantity}
    return [start for start in starts if used <= start <= latest]


def _breaks(price: PriceModel, first: int, last: int | None) -> list[int]:
    free = getattr(price, "free_units_millionths", 0)
    breaks = [free]
    breaks += [free + tier.up_to_millionths for tier in getattr(price, "tiers", ()) if tier.up_to_millionths is not None]
    size = getattr(price, "package_size_millionths", None)
    if size is not None:
        # Packages repeat: the first few say all there is to say of the others.
        began = free + max(first - free, 0) // size * size
        breaks += [began + number * size for number in range(4)]
    return [edge for edge in breaks if first <= edge and (last is None or edge <= last)]
