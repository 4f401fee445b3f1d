"""Running totals anew: what each came to, by the events that count for it, in whole millionths and micros.

An event counts for a total of its account and month (`TotalKey`), which invoices are made of. What its price is a function
of is a position (`PositionKey`): that same total, or one of a longer period or a whole tree of accounts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from invoicing.raw_usage_ports import Group, Measure, Place, RawUsageReader
from invoicing.recompute.facts import read_facts
from invoicing.recompute.prices import Price, event_micros, is_per_event, total_micros
from invoicing.recompute.terms import QUANTITY, NoPrice, Part, Terms, parts_of

MILLION: Final = 1_000_000
FOR_EVER: Final = date(1, 1, 1)
"""The start of a period that never ends."""
_MEASURES: Final = {"max": Measure.GREATEST, "latest": Measure.LATEST, "unique": Measure.DISTINCT, "sum": Measure.SUM}


class TotalKey(NamedTuple):
    """A running total, as books and lines have it."""

    account_id: int
    service_month: date
    charge_id: int
    cell: str


class PositionKey(NamedTuple):
    """What a price is a function of."""

    owner_account_id: int
    period_start: date
    charge_id: int
    cell: str


class SlotOf(NamedTuple):
    """Whose usage a slot holds, of which month, and what priced it."""

    account_id: int
    tree_id: int
    """The topmost account above it."""
    service_month: date
    terms: Terms


@dataclass(slots=True)
class Running:
    """What a running total came to."""

    quantity_millionths: int = 0
    amount_micros: int = 0
    events: int = 0


@dataclass(slots=True)
class Recomputed:
    """Everything that was priced anew."""

    totals: dict[TotalKey, Running] = field(default_factory=dict)
    """Events of each; quantity and amount only of those in `whole`."""
    positions: dict[PositionKey, Running] = field(default_factory=dict)
    position_of: dict[TotalKey, PositionKey] = field(default_factory=dict)
    slots_of: dict[TotalKey, set[int]] = field(default_factory=dict)
    unpriced: list[tuple[SlotOf, NoPrice, Group]] = field(default_factory=list)
    """Events that are in the books although no price fits them."""
    prices: dict[PositionKey, Price] = field(default_factory=dict)

    def is_whole(self, key: TotalKey) -> bool:
        """Whether a total is a position of its own: then what it came to does not depend on any other total."""
        position = self.position_of[key]
        return (position.owner_account_id, position.period_start) == (key.account_id, key.service_month)


class _Kind(NamedTuple):
    """One question to the events: a measure of a property."""

    measure: Measure
    of: str


def recompute(usage: RawUsageReader, slots: Mapping[int, SlotOf], properties: Sequence[str]) -> Recomputed:
    """Price the usage of some slots anew. `properties` are those its groups tell apart."""
    result = Recomputed()
    places: dict[_Kind, list[Place]] = defaultdict(list)
    keys: dict[tuple[PositionKey, TotalKey | None, str], int] = {}
    parts: dict[tuple[int, str, tuple[str, ...]], list[Part | NoPrice]] = {}
    for group in usage.groups():
        slot = slots[group.slot]
        what = (id(slot.terms), group.event_type, group.facts)
        if what not in parts:
            parts[what] = parts_of(slot.terms, group.event_type, read_facts(properties, group.facts))
        for part in parts[what]:
            if isinstance(part, NoPrice):
                result.unpriced.append((slot, part, group))
                continue
            _count(result, group, slot, part)
            kind = _kind_of(part)
            if kind is not None:
                total, position = _keys(slot, part)
                # What events cost one by one adds up by month; a measure is of the whole position.
                where = (position, total if kind.measure is Measure.EACH else None, part.meter.code)
                number = keys.setdefault(where, len(keys))
                places[kind].append(Place(group.slot, group.event_type, group.facts, number))
    _measure(result, usage, places, list(keys))
    _price(result)
    return result


def _keys(slot: SlotOf, part: Part) -> tuple[TotalKey, PositionKey]:
    charge = part.charge
    owner = slot.tree_id if charge.shared == "account_tree" else slot.account_id
    total = TotalKey(slot.account_id, slot.service_month, charge.charge_id, part.cell)
    return total, PositionKey(owner, period_start(charge.reset, slot.service_month), charge.charge_id, part.cell)


def period_start(reset: str, service_month: date) -> date:
    """The first day of the period a month belongs to. Raises KeyError for an unknown reset."""
    return {
        "month": service_month,
        "quarter": service_month.replace(month=(service_month.month - 1) // 3 * 3 + 1),
        "year": service_month.replace(month=1),
        "never": FOR_EVER,
    }[reset]


def _kind_of(part: Part) -> _Kind | None:
    """What has to be asked beyond the sums every group comes with."""
    meter = part.meter
    if meter.aggregation == "count":
        return None
    if is_per_event(part.price):
        return _Kind(Measure.EACH, meter.property)
    if meter.aggregation == "sum" and meter.property == QUANTITY:
        return None
    return _Kind(_MEASURES[meter.aggregation], meter.property)


def _count(result: Recomputed, group: Group, slot: SlotOf, part: Part) -> None:
    """Add what the sums of a group tell already."""
    total_key, position_key = _keys(slot, part)
    result.position_of[total_key] = position_key
    result.prices[position_key] = part.price
    result.slots_of.setdefault(total_key, set()).add(group.slot)
    quantity = amount = 0
    if part.meter.aggregation == "count":
        quantity = group.events * MILLION
        amount = event_micros(part.price, Fraction(1)) * group.events if is_per_event(part.price) else 0
    elif part.meter.aggregation == "sum" and part.meter.property == QUANTITY:
        quantity = group.quantity_millionths
    for running in (
        result.totals.setdefault(total_key, Running()),
        result.positions.setdefault(position_key, Running()),
    ):
        running.events += group.events
        running.quantity_millionths += quantity
        running.amount_micros += amount


def _measure(
    result: Recomputed,
    usage: RawUsageReader,
    places: Mapping[_Kind, Sequence[Place]],
    keys: Sequence[tuple[PositionKey, TotalKey | None, str]],
) -> None:
    """Ask for what the sums do not tell, and add it."""
    for kind, of_kind in places.items():
        for row in usage.measure(kind.measure, kind.of, of_kind):
            position_key, total_key, _ = keys[row.key]
            position = result.positions[position_key]
            if total_key is None:
                position.quantity_millionths += row.value * (MILLION if kind.measure is Measure.DISTINCT else 1)
                continue
            amount = event_micros(result.prices[position_key], Fraction(row.value, MILLION)) * row.events
            for running in (position, result.totals[total_key]):
                running.amount_micros += amount
                running.quantity_millionths += row.value * row.events if kind.of != QUANTITY else 0


def _price(result: Recomputed) -> None:
    """Price what is a function of the position, and give it to the totals that are positions of their own."""
    for key, position in result.positions.items():
        if not is_per_event(result.prices[key]):
            quantity = Fraction(position.quantity_millionths, MILLION)
            position.amount_micros = total_micros(result.prices[key], quantity)
    for total_key, total in result.totals.items():
        if result.is_whole(total_key):
            position = result.positions[result.position_of[total_key]]
            total.quantity_millionths, total.amount_micros = position.quantity_millionths, position.amount_micros
