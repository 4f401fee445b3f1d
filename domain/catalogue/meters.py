"""Meters: which events are counted, and how they are put together into one number."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

QUANTITY: Final = "quantity"
"""The name under which a meter asks for the event's own quantity."""


class Aggregation(StrEnum):
    """How the events of a running total become its quantity. None of them depends on the order events arrive in."""

    SUM = "sum"
    COUNT = "count"
    MAX = "max"
    UNIQUE = "unique"
    LATEST = "latest"
    """The value of the event that happened last; between events of one instant, of the greater identity."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Events of one type with these property values, put together by one aggregation."""

    meter_id: int
    code: str
    event_type: str
    aggregation: Aggregation = Aggregation.SUM
    measured: str = QUANTITY
    """What is put together: the event's quantity, or the property of this name."""
    filter: tuple[tuple[str, frozenset[str]], ...] = ()
    """Property names, each with the texts it may have; every one must match."""

    @property
    def takes_quantity(self) -> bool:
        """Whether it simply sums up what events report."""
        return self.aggregation is Aggregation.SUM and self.measured == QUANTITY

    @property
    def takes_back(self) -> bool:
        """Whether an event can be taken back by one of the opposite quantity: a highest or a distinct value cannot."""
        return self.aggregation in (Aggregation.SUM, Aggregation.COUNT)

    def matches(self, properties: Mapping[str, object]) -> bool:
        """Whether an event of its type with these properties is counted."""
        return all(properties.get(name) in allowed for name, allowed in self.filter)


def sum_meter(code: str) -> Meter:
    """The meter of the short form: it sums up the quantities of the event type of its name. It has no row of its own."""
    return Meter(0, code, code)
