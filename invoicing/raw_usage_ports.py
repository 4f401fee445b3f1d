"""Raw usage, summed up before it is priced: what the second rater and the what-if ask the books for.

Raw is what the producer reported: subject, type, time, quantity and properties. Nothing here knows an account, a charge, a
price cell or an amount that rating wrote beside it.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol


class Slot(NamedTuple):
    """Events of one alias in the half-open span [start, end); slots of one number are summed together.

    Whatever is measured over several slots is of slots of one owner: a number that has no meaning but that.
    """

    number: int
    owner: int
    alias: str
    start: datetime
    end: datetime


class Telling(NamedTuple):
    """A property that tells events of some types apart; of other types it does not matter, and reads as missing."""

    property: str
    event_types: frozenset[str]


class Group(NamedTuple):
    """Events of one slot number, type and facts: JSON texts of the telling properties, "" for one missing."""

    slot: int
    event_type: str
    facts: tuple[str, ...]
    quantity_millionths: int
    events: int
    taken_back: int
    """How many of the events have a negative quantity."""


class Place(NamedTuple):
    """Where the events of a group count: groups of one `key`, all of one owner, are measured together."""

    slot: int
    event_type: str
    facts: tuple[str, ...]
    key: int


class Measure(StrEnum):
    """What is asked of the events at a place beyond their number and the sum of their quantities."""

    DISTINCT = "distinct"
    """How many different values a property has; texts and numbers are different."""
    GREATEST = "greatest"
    """The greatest number a property has."""
    LATEST = "latest"
    """The number a property has on the latest event; of events of the same time, on that of the greater identity."""
    SUM = "sum"
    """The sum of a property's numbers."""
    EACH = "each"
    """How many events have which number: for prices of single events."""


class Measured(NamedTuple):
    """An answer: for EACH a value and the number of events that have it, one row for each; else the value, `events` 0.

    Values are in millionths, except the number of different ones.
    """

    key: int
    value: int
    events: int


class RawUsageReader(Protocol):
    """The events of some slots, as of one instant."""

    def groups(self) -> Iterable[Group]:
        """Every group that has an event."""

    def measure(self, measure: Measure, of: str, places: Sequence[Place]) -> Iterable[Measured]:
        """A measure of a property, "quantity" for the quantity, at some places. An event without it does not count."""


class RawUsage(Protocol):
    """Where raw usage is kept."""

    def reading(self, slots: Sequence[Slot], telling: Sequence[Telling]) -> AbstractContextManager[RawUsageReader]:
        """Open the events of some slots; every question sees the same instant."""
