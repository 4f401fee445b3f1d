"""Pricing usage that was summed up before, with the functions the worker rates with: exact, because prices telescope.

A price is a function of a running total, so usage under one plan comes to the price of its sum. Stretches of time are taken
in their order, as if usage had come in the order it happened: what a price goes on with over several of them, each adds to.
What a sum does not tell (distinct, highest and latest values, prices of single events) is asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.catalogue.meters import Aggregation, Meter
from domain.rating.places import AdjustmentPlace, PartPlace, Place, TotalKey, UsagePlace
from domain.rating.unused import Unused
from domain.usage import QUANTITY_SCALE


class Stretch(NamedTuple):
    """Some time of one account under one plan in effect, within a month."""

    start_micros: int
    number: int


class Sums(NamedTuple):
    """Events of one stretch, type and properties, summed up."""

    quantity_millionths: int
    events: int
    taken_back: int
    """How many of them have a negative quantity."""


class Asked(NamedTuple):
    """A value that has to be measured."""

    meter: Meter
    position: TotalKey
    until: Stretch
    """Over all stretches of the position up to and including this one."""
    single: TotalKey | None
    """For prices of single events: how many events of this total, and this stretch alone, have which value."""


class Value(NamedTuple):
    """An answer: a value in millionths, of distinct ones their number; and how many events have it."""

    value: int
    events: int


@dataclass(slots=True)
class _Usage:
    place: UsagePlace
    quantity_millionths: int = 0
    singly_micros: int = 0
    """What events came to that are priced one by one."""
    asked: dict[Asked, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Adjustment:
    place: AdjustmentPlace
    made_on: dict[TotalKey, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Step:
    usage: dict[TotalKey, _Usage] = field(default_factory=dict)
    adjustments: dict[TotalKey, _Adjustment] = field(default_factory=dict)
    order: dict[TotalKey, int] = field(default_factory=dict)
    """Where each adjustment stands among those of the plan."""


@dataclass(slots=True)
class Simulation:
    """Usage of any number of accounts, added in any order."""

    _steps: dict[Stretch, _Step] = field(default_factory=lambda: defaultdict(_Step))
    _reached: dict[TotalKey, int] = field(default_factory=lambda: defaultdict(int))
    """How far each position's price, or the money an adjustment is made on, is: what sums tell of it."""
    _measured: dict[tuple[TotalKey, Meter], int] = field(default_factory=dict)
    """And what was measured of it."""
    _came_to: dict[TotalKey, int] = field(default_factory=lambda: defaultdict(int))
    """Micros of each position so far."""

    def add(self, stretch: Stretch, place: Place, sums: Sums) -> Iterator[Asked]:
        """Add usage; gives everything that has to be asked about it."""
        step = self._steps[stretch]
        parts: list[PartPlace] = []
        for part in place.usage:
            parts.append(part)
            usage = step.usage.setdefault(part.total_key, _Usage(part))
            for meter in part.rate.meters:
                yield from _count(usage, meter, sums, stretch)
        in_order = place.rates.plan.adjustments
        for adjustment in place.adjustments:
            key = adjustment.total_key
            made = step.adjustments.setdefault(key, _Adjustment(adjustment))
            made.made_on.update(dict.fromkeys(parts[number].total_key for number in adjustment.counted))
            step.order[key] = in_order.index(adjustment.rate.adjustment)
            parts.append(adjustment)

    def add_unused(self, stretch: Stretch, one: Unused) -> None:
        """Add a price that is due even if nothing was used; the stretch is after all usage of its month."""
        step = self._steps[stretch]
        key = one.usage.total_key
        step.usage.setdefault(key, _Usage(one.usage))
        in_order = one.plan.adjustments
        before: list[AdjustmentPlace] = []
        for place in one.adjustments:
            made = step.adjustments.setdefault(place.total_key, _Adjustment(place))
            made.made_on[key] = None
            made.made_on |= {
                other.total_key: None for other in before if place.rate.adjustment.counts(other.rate.adjustment)
            }
            step.order[place.total_key] = in_order.index(place.rate.adjustment)
            before.append(place)

    def amounts(self, answers: Mapping[Asked, Iterable[Value]]) -> dict[TotalKey, int]:
        """What every running total comes to, in micros; adjustments among them."""
        amounts: dict[TotalKey, int] = defaultdict(int)
        for stretch in sorted(self._steps):
            step = self._steps[stretch]
            added = {key: self._price(usage, answers) for key, usage in step.usage.items()}
            for key in sorted(step.adjustments, key=lambda key: (step.order[key], key)):
                made = step.adjustments[key]
                added[key] = self._adjust(made.place, sum(added[earlier] for earlier in made.made_on))
            for key, amount in added.items():
                amounts[key] += amount
        return amounts

    def _price(self, usage: _Usage, answers: Mapping[Asked, Iterable[Value]]) -> int:
        """What a total gains in a stretch."""
        part = usage.place
        position = part.position_key
        singly = usage.singly_micros
        for asked in usage.asked:
            for value, events in answers.get(asked, ()):
                if asked.single is None:
                    self._measured[position, asked.meter] = value
                else:
                    singly += part.amount_micros(value) * events
        if part.per_event:
            return singly
        self._reached[position] += usage.quantity_millionths
        measured = sum(self._measured.get((position, meter), 0) for meter in part.rate.charge.meters)
        return self._moved(position, part.amount_micros(self._reached[position] + measured))

    def _adjust(self, part: AdjustmentPlace, money_micros: int) -> int:
        position = part.position_key
        self._reached[position] += money_micros
        return self._moved(position, part.amount_micros(self._reached[position]))

    def _moved(self, position: TotalKey, after: int) -> int:
        before, self._came_to[position] = self._came_to[position], after
        return after - before


def _count(usage: _Usage, meter: Meter, sums: Sums, stretch: Stretch) -> Iterator[Asked]:
    """Add what sums tell of a meter, or give what has to be asked for it."""
    part = usage.place
    if meter.aggregation is Aggregation.COUNT:
        kept = sums.events - sums.taken_back
        usage.quantity_millionths += (kept - sums.taken_back) * QUANTITY_SCALE
        if part.per_event:
            usage.singly_micros += part.amount_micros(QUANTITY_SCALE) * kept
            usage.singly_micros += part.amount_micros(-QUANTITY_SCALE) * sums.taken_back
    elif meter.takes_quantity and not part.per_event:
        usage.quantity_millionths += sums.quantity_millionths
    else:
        asked = Asked(meter, part.position_key, stretch, part.total_key if part.per_event else None)
        usage.asked[asked] = None
        yield asked
