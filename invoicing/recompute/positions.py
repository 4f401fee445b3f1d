"""Running totals anew: what each came to, by the events that count for it, in whole millionths and micros.

An event counts for a total of its account and month (`TotalKey`), which invoices are made of. What its price is a function
of is a position (`PositionKey`): that same total, or one of a longer period or a whole tree of accounts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from invoicing.raw_usage_ports import Group, Measure, Place, RawUsageReader
from invoicing.recompute.facts import read_facts
from invoicing.recompute.prices import Price, event_micros, is_per_event, total_micros
from invoicing.recompute.terms import QUANTITY, UNDER, Adjustment, Meter, Part, Terms, UsageCharge, parts_of

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
    """What a running total came to; of an adjustment, the quantity is the money it is made on, in micros."""

    quantity_millionths: int = 0
    amount_micros: int = 0
    events: int = 0


@dataclass(slots=True)
class Recomputed:
    """Everything that was priced anew."""

    totals: dict[TotalKey, Running] = field(default_factory=dict)
    positions: dict[PositionKey, Running] = field(default_factory=dict)
    position_of: dict[TotalKey, PositionKey] = field(default_factory=dict)
    wide: set[TotalKey] = field(default_factory=set)
    """Totals whose price is a function of more than themselves."""
    made_on: dict[TotalKey, tuple[Adjustment, set[TotalKey]]] = field(default_factory=dict)
    """Of each total of an adjustment, the totals whose money it is made on."""
    fees: dict[TotalKey, Running] = field(default_factory=dict)
    """What recurring charges, one-time charges and commitments come to, in the month asked about."""
    unpriced: list[tuple[SlotOf, Group]] = field(default_factory=list)
    """Events that are in the books although no price fits them."""

    def is_whole(self, key: TotalKey) -> bool:
        """Whether a total is a position of its own: then what it comes to does not depend on the order events came in."""
        return key not in self.wide

    def enter(self, item: UsageCharge | Adjustment, key: TotalKey, *, tree_id: int) -> None:
        """Remember what a total's price is a function of. A wider position goes on when an adjustment comes or goes."""
        if (item.reset, item.shared) == ("month", "account"):
            self.position_of[key] = PositionKey(*key)
            return
        owner = tree_id if item.shared == "account_tree" else key.account_id
        start = period_start(item.reset, key.service_month)
        self.position_of[key] = PositionKey(owner, start, key.charge_id, key.cell.split(UNDER)[0])
        self.wide.add(key)


class _Question(NamedTuple):
    """What is asked of events: a measure of a property."""

    measure: Measure
    of: str


class _Answering(NamedTuple):
    """What an answer is added to: for single events to a total, else to a position, once for each meter."""

    total: TotalKey | None
    position: PositionKey
    meter: str
    price: Price


def recompute_totals(
    usage: RawUsageReader,
    slots: Mapping[int, SlotOf],
    properties: Sequence[str],
    *,
    unused: Iterable[tuple[SlotOf, Part]] = (),
) -> Recomputed:
    """Price the usage of some slots anew, adjustments aside. `properties` are those its groups tell apart.

    `unused` are prices that are due even if nothing was used.
    """
    result = Recomputed()
    prices: dict[PositionKey, Price] = {}
    places: dict[_Question, list[Place]] = defaultdict(list)
    keys: dict[tuple[TotalKey | None, PositionKey, str], int] = {}
    answering: list[_Answering] = []
    parts: dict[tuple[int, str, tuple[str, ...]], list[Part]] = {}
    for group in usage.groups():
        slot = slots[group.slot]
        what = (id(slot.terms), group.event_type, group.facts)
        if what not in parts:
            parts[what] = parts_of(slot.terms, group.event_type, read_facts(properties, group.facts))
        if not parts[what]:
            result.unpriced.append((slot, group))
        for part in parts[what]:
            total_key, position_key = _enter(result, slot, part)
            prices[position_key] = part.price
            _count(result, total_key, group, part)
            for question, meter in _questions(part):
                total = total_key if question.measure is Measure.EACH else None
                number = keys.setdefault((total, position_key, meter.code), len(keys))
                if number == len(answering):
                    answering.append(_Answering(total, position_key, meter.code, part.price))
                places[question].append(Place(group.slot, group.event_type, group.facts, number))
    for slot, part in unused:
        _, position_key = _enter(result, slot, part)
        prices[position_key] = part.price
    _ask(result, usage, places, answering)
    _price(result, prices)
    return result


def period_start(reset: str, service_month: date) -> date:
    """The first day of the period a month belongs to. Raises KeyError for an unknown reset."""
    return {
        "month": service_month,
        "quarter": service_month.replace(month=(service_month.month - 1) // 3 * 3 + 1),
        "year": service_month.replace(month=1),
        "never": FOR_EVER,
    }[reset]


def _enter(result: Recomputed, slot: SlotOf, part: Part) -> tuple[TotalKey, PositionKey]:
    """The totals a part counts for, and those its adjustments go to."""
    charge = part.charge
    key = TotalKey(slot.account_id, slot.service_month, charge.charge_id, part.cell)
    if key not in result.totals:
        result.totals[key] = Running()
        result.enter(charge, key, tree_id=slot.tree_id)
        result.positions.setdefault(result.position_of[key], Running())
    made: list[tuple[Adjustment, TotalKey]] = []
    for adjustment, cell in slot.terms.adjustments_over(charge):
        its_key = TotalKey(slot.account_id, slot.service_month, adjustment.charge_id, cell)
        result.enter(adjustment, its_key, tree_id=slot.tree_id)
        _, on = result.made_on.setdefault(its_key, (adjustment, set()))
        on.add(key)
        on.update(earlier_key for earlier, earlier_key in made if adjustment.counts(earlier))
        made.append((adjustment, its_key))
    return key, result.position_of[key]


def _questions(part: Part) -> list[tuple[_Question, Meter]]:
    """What has to be asked beyond the sums every group comes with."""
    asked = []
    for meter in part.meters:
        if meter.aggregation == "count":
            continue
        if is_per_event(part.price):
            asked.append((_Question(Measure.EACH, meter.property), meter))
        elif (meter.aggregation, meter.property) != ("sum", QUANTITY):
            asked.append((_Question(_MEASURES[meter.aggregation], meter.property), meter))
    return asked


def _count(result: Recomputed, key: TotalKey, group: Group, part: Part) -> None:
    """Add what the sums of a group tell already."""
    kept, back = group.events - group.taken_back, group.taken_back
    quantity = amount = 0
    for meter in part.meters:
        if meter.aggregation == "count":
            quantity += (kept - back) * MILLION
            if is_per_event(part.price):
                amount += event_micros(part.price, Fraction(1)) * kept + event_micros(part.price, Fraction(-1)) * back
        elif (meter.aggregation, meter.property) == ("sum", QUANTITY):
            quantity += group.quantity_millionths
    for running in (result.totals[key], result.positions[result.position_of[key]]):
        running.events += group.events
        running.quantity_millionths += quantity
        running.amount_micros += amount


def _ask(
    result: Recomputed,
    usage: RawUsageReader,
    places: Mapping[_Question, Sequence[Place]],
    answering: Sequence[_Answering],
) -> None:
    """Ask for what the sums do not tell, and add it."""
    for question, at in places.items():
        for answer in usage.measure(question.measure, question.of, at):
            to = answering[answer.key]
            position = result.positions[to.position]
            if to.total is None:
                position.quantity_millionths += answer.value * (MILLION if question.measure is Measure.DISTINCT else 1)
                continue
            amount = event_micros(to.price, Fraction(answer.value, MILLION)) * answer.events
            for running in (position, result.totals[to.total]):
                running.amount_micros += amount
                running.quantity_millionths += answer.value * answer.events if question.of != QUANTITY else 0


def _price(result: Recomputed, prices: Mapping[PositionKey, Price]) -> None:
    """Price what is a function of the position, and give it to the totals that are positions of their own."""
    for key, price in prices.items():
        position = result.positions[key]
        if not is_per_event(price):
            position.amount_micros = total_micros(price, Fraction(position.quantity_millionths, MILLION))
    for total_key, total in result.totals.items():
        if result.is_whole(total_key):
            position = result.positions[result.position_of[total_key]]
            total.quantity_millionths, total.amount_micros = position.quantity_millionths, position.amount_micros
