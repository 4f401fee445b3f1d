"""Running totals: what the books have, what a batch adds, and the price of an event as the difference it makes.

Every total and position is a sum or a highest or latest value over the events in it, and every amount a function of one,
so what a month comes to does not depend on how its events were batched or in which order they came.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.catalogue.meters import Aggregation, Meter
from domain.rating.places import AdjustmentPlace, PartPlace, TotalKey, UsagePlace
from domain.rating.usage import Measures, Part, Usage
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


class StateKey(NamedTuple):
    """What a highest or latest value is of."""

    position: TotalKey
    meter_id: int


class State(NamedTuple):
    """The highest value, or that of the latest event, and the event it came from."""

    value_millionths: int
    time_micros: int
    event_key: bytes


class ValueKey(NamedTuple):
    """A distinct value counted in a position, by its digest."""

    position: TotalKey
    meter_id: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the books remember beside running totals, locked: only of what a batch touches."""

    positions: Mapping[TotalKey, Total] = field(default_factory=dict)
    states: Mapping[StateKey, State] = field(default_factory=dict)
    values: Collection[ValueKey] = frozenset()


NOTHING_REMEMBERED: Final = Remembered()
_ZERO: Final = Total()


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
    values: dict[ValueKey, None] = field(default_factory=dict)
    """Distinct values counted for the first time."""

    def rate(self, usage: Usage) -> int:
        """Rate all parts of an event: sets its amounts and further parts. Returns what it comes to, in micros."""
        place = usage.place
        if place.is_simple:
            key = place.total_key
            before = self.before.get(key, _ZERO)
            added = self.added.get(key)
            if added is None:
                added = self.added[key] = Total()
            added.quantity_millionths += usage.received.event.quantity_millionths
            after = place.amount_micros(before.quantity_millionths + added.quantity_millionths)
            usage.amount_micros = amount = after - before.amount_micros - added.amount_micros
            added.amount_micros += amount
            added.event_count += 1
            return amount
        return self._rate_parts(usage)

    def _rate_parts(self, usage: Usage) -> int:
        place = usage.place
        event = usage.received.event
        parts: list[Part] = []
        for part, measures in zip(place.usage, usage.measures, strict=True):
            parts.append(self._rate_part(part, measures, event))
        for adjustment in place.adjustments:
            adjusted = self._adjust(adjustment, parts)
            if adjusted is not None:
                parts.append(adjusted)
        first = parts[0]
        usage.amount_micros = first.amount_micros
        quantity = event.quantity_millionths
        usage.metered_millionths = first.metered_millionths if first.metered_millionths != quantity else None
        usage.further = parts[1:]
        return sum([part.amount_micros for part in parts])

    def _rate_part(self, place: UsagePlace, measures: Measures, event: UsageEvent) -> Part:
        rate = place.rate
        metered = 0
        for meter, value in measures:
            if isinstance(value, bytes):
                metered += self._count_distinct(ValueKey(place.position_key, meter.meter_id, value))
            elif meter.aggregation is Aggregation.MAX or meter.aggregation is Aggregation.LATEST:
                metered += self._replace(StateKey(place.position_key, meter.meter_id), meter, value, event)
            else:
                metered += value
        tariff = rate.cell.tariff
        if tariff.per_event:
            amount = self._add(place, metered, tariff.amount_micros(metered))
            return Part(place, metered, amount)
        before, added = self._position(place)
        after = tariff.amount_micros(before.quantity_millionths + added.quantity_millionths + metered)
        amount = self._add(place, metered, after - before.amount_micros - added.amount_micros)
        return Part(place, metered, amount)

    def _adjust(self, place: AdjustmentPlace, parts: list[Part]) -> Part | None:
        """An adjustment's part; None when the money it is a function of stays as it is."""
        rate = place.rate
        counted = rate.counted
        money = sum([part.amount_micros for part in parts if part.place.charge_id in counted])
        if not money:
            return None
        before, added = self._position(place)
        after = rate.adjustment.amount_micros(before.quantity_millionths + added.quantity_millionths + money)
        amount = self._add(place, money, after - before.amount_micros - added.amount_micros)
        return Part(place, money, amount)

    def _position(self, place: PartPlace) -> tuple[Total, Total]:
        """The position as the books have it, and what was added to it so far."""
        key = place.position_key
        if place.has_position:
            return self.remembered.positions.get(key, _ZERO), self.positions.get(key, _ZERO)
        return self.before.get(key, _ZERO), self.added.get(key, _ZERO)

    def _add(self, place: PartPlace, metered: int, amount: int) -> int:
        _add_to(self.added, place.total_key, metered, amount, place.event_count)
        if place.has_position:
            _add_to(self.positions, place.position_key, metered, amount, place.event_count)
        return amount

    def _count_distinct(self, key: ValueKey) -> int:
        if key in self.remembered.values or key in self.values:
            return 0
        self.values[key] = None
        return QUANTITY_SCALE

    def _replace(self, key: StateKey, meter: Meter, value: int, event: UsageEvent) -> int:
        """A new highest or latest value; what the quantity gains by it, which may be less than nothing."""
        kept = self.states.get(key) or self.remembered.states.get(key)
        new = State(value, event.time_micros, event.key)
        if kept is not None:
            replaces = value > kept.value_millionths if meter.aggregation is Aggregation.MAX else new[1:] > kept[1:]
            if not replaces:
                return 0
        self.states[key] = new
        return value - (kept.value_millionths if kept is not None else 0)


def _add_to(totals: dict[TotalKey, Total], key: TotalKey, metered: int, amount: int, events: int) -> None:
    added = totals.get(key)
    if added is None:
        added = totals[key] = Total()
    added.quantity_millionths += metered
    added.amount_micros += amount
    added.event_count += events
