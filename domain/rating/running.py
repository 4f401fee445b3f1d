"""Running totals: what the books have, what a batch adds, and the price of an event as the difference it makes.

Every total and position is a sum or a highest or latest value over the events in it, and every amount a function of one,
so what a month comes to does not depend on how its events were batched or in which order they came.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.catalogue.meters import Aggregation
from domain.rating.places import AdjustmentPlace, MeterPlace, PartPlace, StateKey, TotalKey, UsagePlace
from domain.rating.usage import Part, Usage
from domain.usage import QUANTITY_SCALE, UsageEvent


@dataclass(slots=True, eq=False)
class Total:
    """A running total: quantity in millionths of a unit, amount in micros. Of an adjustment, the quantity is money."""

    quantity_millionths: int = 0
    amount_micros: int = 0
    event_count: int = 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Total):
            return NotImplemented
        return (self.quantity_millionths, self.amount_micros, self.event_count) == (
            other.quantity_millionths,
            other.amount_micros,
            other.event_count,
        )

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


class Standing(Total):
    """What was added to a position, and where it stands with it."""

    __slots__ = ("amount_now", "quantity_now")

    def __init__(self, before: Total) -> None:
        self.quantity_millionths = self.amount_micros = self.event_count = 0
        self.quantity_now = before.quantity_millionths
        self.amount_now = before.amount_micros


@dataclass(slots=True)
class RunningTotals:
    """The books' totals, and on top of them what is added."""

    before: Mapping[TotalKey, Total] = field(default_factory=dict)
    remembered: Remembered = NOTHING_REMEMBERED
    added: dict[TotalKey, Standing] = field(default_factory=dict)
    """What is added to each running total."""
    positions: dict[TotalKey, Standing] = field(default_factory=dict)
    """What is added to each price position that is not a running total."""
    states: dict[StateKey, State] = field(default_factory=dict)
    """Highest and latest values that changed."""
    values: dict[bytes, StateKey] = field(default_factory=dict)
    """Distinct values counted for the first time: their digests, and what each is a value of."""
    _of_place: dict[PartPlace, Standing] = field(default_factory=dict)
    """By place, which is found faster than a key."""

    def rate(self, usage: Usage) -> int:
        """Rate all parts of an event: sets its amounts and further parts. Returns what it comes to, in micros."""
        place = usage.place
        if not place.is_simple:
            return self._rate_parts(usage)
        first = place.first
        standing = self._of_place.get(first)
        if standing is None:
            standing = self._find(first)
        quantity = usage.received.event.quantity_millionths
        standing.quantity_now += quantity
        after = place.amount_micros(standing.quantity_now)
        usage.amount_micros = amount = after - standing.amount_now
        standing.amount_now = after
        standing.quantity_millionths += quantity
        standing.amount_micros += amount
        standing.event_count += 1
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

    def bring(self, usage: UsagePlace, adjustments: Sequence[AdjustmentPlace], amount: int) -> list[Part]:
        """Add money to a total that no event brings, and what that does to the adjustments made on it, in their order."""
        standing = self._of_place.get(usage) or self._find(usage)
        standing.amount_now += amount
        standing.amount_micros += amount
        parts = [Part(usage, 0, amount)]
        made: list[tuple[AdjustmentPlace, int]] = []
        for place in adjustments:
            one = place.rate.adjustment
            money = amount + sum(off for earlier, off in made if one.counts(earlier.rate.adjustment))
            made.append((place, self._add(place, money)))
            # Of no money, too: it is on record that it was made on this, for when that is given back.
            parts.append(Part(place, money, made[-1][1]))
        return parts

    def events_in(self, key: TotalKey) -> int:
        """How many events are in a total."""
        return self.before.get(key, _ZERO).event_count + self.added.get(key, _ZERO).event_count

    def _add(self, place: UsagePlace | AdjustmentPlace, metered: int) -> int:
        """Add to a position and to the running total; the amount is the difference that makes."""
        standing = self._of_place.get(place)
        if standing is None:
            standing = self._find(place)
        standing.quantity_now += metered
        if place.per_event:
            amount = place.amount_micros(metered)
            standing.amount_now += amount
        else:
            after = place.amount_micros(standing.quantity_now)
            amount = after - standing.amount_now
            standing.amount_now = after
        standing.quantity_millionths += metered
        standing.amount_micros += amount
        standing.event_count += place.event_count
        if place.has_position:
            accrued = self.added.setdefault(place.total_key, Standing(_ZERO))
            accrued.quantity_millionths += metered
            accrued.amount_micros += amount
            accrued.event_count += place.event_count
        return amount

    def _find(self, place: PartPlace) -> Standing:
        """The standing of a place seen for the first time, which may be that of other places, too."""
        key = place.position_key
        standings = self.positions if place.has_position else self.added
        standing = standings.get(key)
        if standing is None:
            before = self.remembered.positions if place.has_position else self.before
            standing = standings[key] = Standing(before.get(key, _ZERO))
        self._of_place[place] = standing
        return standing

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
