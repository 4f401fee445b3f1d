"""What priced an account's usage, as the second rater reads it from plan and contract documents."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from invoicing.recompute.cells import choose
from invoicing.recompute.prices import Price

QUANTITY: Final = "quantity"


class Meter(NamedTuple):
    """What is measured of the events of a type; only those count whose properties have a value that is let through."""

    code: str
    event_type: str
    aggregation: str
    property: str
    let_through: Mapping[str, Sequence[Any]]

    def counts(self, event_type: str, facts: Mapping[str, Any]) -> bool:
        """Whether an event with these facts counts."""
        return self.event_type == event_type and all(facts.get(name) in values for name, values in self.let_through.items())


class UsageCharge(NamedTuple):
    """A price of what some meters measure, alone or together."""

    charge_id: int
    code: str
    meters: Sequence[Meter]
    price: Price
    reset: str
    shared: str

    def properties(self) -> set[str]:
        """The properties that decide whether and at which price an event counts."""
        named = set(self.price["dimensions"]) if self.price["model"] == "matrix" else set()
        return named.union(*(meter.let_through for meter in self.meters))


class Adjustment(NamedTuple):
    """Money on the money of other charges."""

    charge_id: int
    code: str
    kind: str
    document: Mapping[str, Any]
    applies_to: Sequence[str] | None
    """Codes of charges; None for all usage."""
    reset: str


class Terms(NamedTuple):
    """Everything that priced usage at one instant."""

    charges: Sequence[UsageCharge]
    adjustments: Sequence[Adjustment]
    """In the order they are applied."""


class Part(NamedTuple):
    """What an event is rated by: one meter of one charge, at one of its prices."""

    charge: UsageCharge
    meter: Meter
    cell: str
    price: Price


class NoPrice(NamedTuple):
    """An event that counts for a charge without a price for it."""

    charge: UsageCharge
    meter: Meter


def parts_of(terms: Terms, event_type: str, facts: Mapping[str, Any]) -> list[Part | NoPrice]:
    """Every part an event with these facts is rated in."""
    parts: list[Part | NoPrice] = []
    for charge in terms.charges:
        for meter in charge.meters:
            if meter.counts(event_type, facts):
                cell = choose(charge.price, facts)
                parts.append(NoPrice(charge, meter) if cell is None else Part(charge, meter, *cell))
    return parts
