"""Running totals: what the books have, what a batch adds, and the price of an event as the difference it makes.

Every total and position is a sum or a highest or latest value over the events in it, and every amount a function of one,
so what a month comes to does not depend on how its events were batched or in which order they came.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.catalogue.meters import Aggregation
from domain.rating.places import AdjustmentPlace, MeterPlace, PartPlace, StateKey, TotalKey, UsagePlace
from domain.rating.usage import Part, Usage
from domain.usage import QUANTITY_SCALE, UsageEvent


@dataclass(slots=True)
class Total:
    """A running total: quantity in millionths of a unit, amount in micros. Of an adjustment, the quantity is money."""

    quantity_millionths: int = 0
    amount_micros: int = 0
    event_count: int = 0

    def __add__(self, added: "Total") -> "Total":
        return Total(
            self.quantity_millionths + added.quantity_millionths,
            self.amount_micros + added.amount_micros,
            self.event_count + added.event_count,
        )


class State(NamedTuple):
    """The highest value, or that of the latest event, and the event it came from."""

    value_millionths: int
    time_micros: int
    event_key: bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the books remember beside running totals, locked: only of what a batch touches."""

    positions: Mapping[TotalKey, Total] = field(default_factory=dict)
    states: Mapping[StateKey, State] = field(default_factory=dict)
    values: Collection[bytes] = frozenset()
    """Digests of distinct values that were counted before."""


NOTHING_REMEMBERED: Final = Remembered()
_ZERO: Final = Total()


class _Standing:
    """Where a position is now, and what was added to get there."""

    __slots__ = ("added", "amount", "quantity")

    def __init__(self, before: Total, added: Total) -> None:
        self.quantity = before.quantity_millionths
        self.amount = before.amount_micros
        self.added = added


@dataclass(slots=True)
class RunningTotals:
    """The books' totals, and on top of them what is added."""

    before: Mapping[TotalKey, Total] = field(default_factory=dict)
    remembered: Remembered = NOTHING_REMEMBERED
    added: dict[TotalKey, Total] = field(default_factory=dict)
    """What is added to each running total."""
    positions: dict[TotalKey, Total] = field(default_factory=dict)
    """What is added to each price position that is not a running total."""
    states: dict[StateKey, State] = field(default_factory=dict)
    """Highest and latest values that changed."""
    values: dict[bytes, StateKey] = field(default_factory=dict)
    """Distinct values counted for the first time: their digests, and what each is a value of."""
    _standings: dict[TotalKey, _Standing] = field(default_factory=dict)
    _of_place: dict[PartPlace, tuple[_Standing, Total | None]] = field(default_factory=dict)
    """By place, which is found faster than a key; with the running total where that is not the position."""

    def rate(self, usage: Usage) -> int:
        """Rate all parts of an event: sets its amounts and further parts. Returns what it comes to, in micros."""
        place = usage.place
        if not place.is_simple:
            return self._rate_parts(usage)
        first = place.first
        found = self._of_place.get(first)
        standing = (found or self._find(first))[0]
        quantity = usage.received.event.quantity_millionths
        standing.quantity += quantity
        after = place.amount_micros(standing.quantity)
        usage.amount_micros = amount = after - standing.amount
        standing.amount = after
        added = standing.added
        added.quantity_millionths += quantity
        added.amount_micros += amount
        added.event_count += 1
        return amount

    def _rate_parts(self, usage: Usage) -> int:
        place = usage.place
        event = usage.received.event
        reported = event.quantity_millionths
        amounts: list[int] = []
        further: list[Part] = []
        measures = iter(usage.measures)
        for part in place.usage:
            metered = reported if part.sums_quantity else self._metered(part, measures, event)
            amount = self._add(part, metered)
            if amounts:
                further.append(Part(part, metered, amount))
            else:
                usage.amount_micros = amount
                usage.metered_millionths = None if metered == reported else metered
            amounts.append(amount)
        for adjustment in place.adjustments:
            money = 0
            for number in adjustment.counted:
                money += amounts[number]
            amount = self._add(adjustment, money) if money else 0
            if money:
                # One of no money has no part: what it is a function of stays as it is.
                further.append(Part(adjustment, money, amount))
            amounts.append(amount)
        usage.further = further
        return sum(amounts)

    def _add(self, place: UsagePlace | AdjustmentPlace, metered: int) -> int:
        """Add to a position and to the running total; the amount is the difference that makes."""
        standing, accrued = self._of_place.get(place) or self._find(place)
        standing.quantity += metered
        if place.per_event:
            amount = place.amount_micros(metered)
            standing.amount += amount
        else:
            after = place.amount_micros(standing.quantity)
            amount = after - standing.amount
            standing.amount = after
        events = place.event_count
        added = standing.added
        added.quantity_millionths += metered
        added.amount_micros += amount
        added.event_count += events
        if accrued is not None:
            accrued.quantity_millionths += metered
            accrued.amount_micros += amount
            accrued.event_count += events
        return amount

    def _find(self, place: PartPlace) -> tuple[_Standing, Total | None]:
        """The standing of a place seen for the first time, which may be that of other places, too."""
        key = place.position_key
        before, added = (self.before, self.added) if not place.has_position else (self.remembered.positions, self.positions)
        standing = self._standings.get(key)
        if standing is None:
            standing = self._standings[key] = _Standing(before.get(key, _ZERO), added.setdefault(key, Total()))
        accrued = self.added.setdefault(place.total_key, Total()) if place.has_position else None
        found = self._of_place[place] = (standing, accrued)
        return found

    def _metered(self, place: UsagePlace, measures: Iterator[int | bytes], event: UsageEvent) -> int:
        """What the quantity of the position gains by an event."""
        metered = 0
        for meter, value in zip(place.meters, measures, strict=False):
            if isinstance(value, bytes):
                if value not in self.remembered.values and value not in self.values:
                    self.values[value] = meter.key
                    metered += QUANTITY_SCALE
            elif meter.meter.aggregation is Aggregation.MAX or meter.meter.aggregation is Aggregation.LATEST:
                metered += self._replace(meter, value, event)
            else:
                metered += value
        return metered

    def _replace(self, place: MeterPlace, value: int, event: UsageEvent) -> int:
        """A new highest or latest value; what the quantity gains by it, which may be less than nothing."""
        key = place.key
        kept = self.states.get(key) or self.remembered.states.get(key)
        new = State(value, event.time_micros, event.key)
        if kept is not None:
            replaces = value > kept.value_millionths if place.meter.aggregation is Aggregation.MAX else new[1:] > kept[1:]
            if not replaces:
                return 0
        self.states[key] = new
        return value - (kept.value_millionths if kept is not None else 0)
