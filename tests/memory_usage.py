"""Raw usage in memory, a port of invoicing/raw_usage_ports.py: what PostgreSQL does with SQL, done with sets and sums."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from domain.attribution import EPOCH
from domain.usage import UsageEvent
from invoicing.raw_usage_ports import Group, Measure, Measured, Place, Slot, Telling


class MemoryUsage:
    """Some events, each once."""

    def __init__(self, events: Sequence[UsageEvent]) -> None:
        self._events = events

    @contextmanager
    def reading(self, slots: Sequence[Slot], telling: Sequence[Telling]) -> Iterator["MemoryReader"]:
        """The events of some slots."""
        yield MemoryReader(self._events, slots, telling)


class MemoryReader:
    """Answers by looking at every event of every slot."""

    def __init__(self, events: Sequence[UsageEvent], slots: Sequence[Slot], telling: Sequence[Telling]) -> None:
        self._found = [
            ((slot.number, event.meter, _facts(event, telling)), event)
            for event in events
            for slot in slots
            if slot.alias == event.subject and slot.start <= EPOCH + timedelta(microseconds=event.time_micros) < slot.end
        ]

    def groups(self) -> list[Group]:
        """Every group that has an event."""
        groups = defaultdict(list)
        for key, event in self._found:
            groups[key].append(event.quantity_millionths)
        return [Group(*key, sum(of), len(of), sum(quantity < 0 for quantity in of)) for key, of in groups.items()]

    def measure(self, measure: Measure, of: str, places: Sequence[Place]) -> list[Measured]:
        """A measure of a property at some places."""
        keys = defaultdict(list)
        for place in places:
            keys[place[:3]].append(place.key)
        at = defaultdict(list)
        for place, event in self._found:
            value = event.quantity_millionths if of == "quantity" else event.properties.get(of)
            if value is not None:
                for key in keys[place]:
                    at[key].append((event.time_micros, event.key, value))
        return [answer for key, found in at.items() for answer in _answers(measure, of, key, found)]


def _answers(measure: Measure, of: str, key: int, found: Sequence[tuple[int, bytes, object]]) -> Iterator[Measured]:
    values = [value for _, _, value in found]
    if measure is Measure.DISTINCT:
        yield Measured(key, len({(isinstance(value, str), value) for value in values}), 0)
        return
    scale = 1 if of == "quantity" else 1_000_000
    numbers = [int(Decimal(value) * scale) for value in values]
    if measure is Measure.GREATEST:
        yield Measured(key, max(numbers), 0)
    elif measure is Measure.SUM:
        yield Measured(key, sum(numbers), 0)
    elif measure is Measure.LATEST:
        yield Measured(key, numbers[found.index(max(found, key=lambda each: each[:2]))], 0)
    else:
        for number, count in Counter(numbers).items():
            yield Measured(key, number, count)


def _facts(event: UsageEvent, telling: Sequence[Telling]) -> tuple[str, ...]:
    return tuple(
        json.dumps(event.properties[told.property], default=str)
        if event.meter in told.event_types and event.properties.get(told.property) is not None
        else ""
        for told in telling
    )
