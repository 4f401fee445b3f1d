"""What priced an account's usage, as the second rater reads it from plan and contract documents.

A running total is a function of its events only while all of them are adjusted alike. So where an adjustment may come or go
beside a charge, its usage has a total of its own: the price cell is followed by "//" and the adjustment (`tags`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from invoicing.recompute.cells import choose
from invoicing.recompute.prices import Price

QUANTITY: Final = "quantity"
UNDER: Final = "//"


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
    owner: str
    """The plan version or contract it is of."""
    meters: Sequence[Meter]
    price: Price
    reset: str
    shared: str
    leaves_unused_free: bool = False
    """Published when a month without usage was left at nothing, whatever the price says of no usage."""

    def properties(self) -> set[str]:
        """The properties that decide whether and at which price an event counts."""
        named = set(self.price["dimensions"]) if self.price["model"] == "matrix" else set()
        return named.union(*(meter.let_through for meter in self.meters))


class Adjustment(NamedTuple):
    """Money on the money of usage charges and of adjustments made before it."""

    charge_id: int
    code: str
    owner: str
    kind: str
    document: Mapping[str, Any]
    applies_to: frozenset[str] | None
    """Codes of usage charges; None for all."""
    reset: str
    shared: str

    def is_over(self, code: str) -> bool:
        """Whether it is made on a usage charge."""
        return self.applies_to is None or code in self.applies_to

    def counts(self, earlier: "Adjustment") -> bool:
        """Whether it is made on the money of an earlier one, too: on that of one that applies to nothing else than this."""
        return self.applies_to is None or (earlier.applies_to is not None and earlier.applies_to <= self.applies_to)

    def is_limited(self) -> bool:
        """Whether it ends before what it is of."""
        return "periods" in self.document or "days" in self.document


class Terms(NamedTuple):
    """Everything that priced usage at one instant."""

    charges: Sequence[UsageCharge]
    adjustments: Sequence[Adjustment]
    """In the order they are made."""

    listed: Mapping[str, Sequence[Adjustment]]
    """By plan version and contract: all its adjustments, in force or not, in the order they are made."""

    def adjustments_over(self, charge: UsageCharge) -> Iterator[tuple[Adjustment, str]]:
        """The adjustments made on a usage charge, in order, each with the price cell its money goes to."""
        over = [one for one in self.adjustments if one.is_over(charge.code)]
        for place, adjustment in enumerate(over):
            mine = list(self.listed[adjustment.owner])
            under = [one for one in over[place + 1 :] if one.counts(adjustment)]
            listed = [one for one in mine[mine.index(adjustment) + 1 :] if one.counts(adjustment)]
            yield adjustment, adjustment.code + tags(adjustment.owner, under=under, listed=listed)
            if adjustment.kind == "trial":
                return  # nothing is left to take off

    def cell_tags(self, charge: UsageCharge) -> str:
        """What follows a price cell of a usage charge."""
        under = [one for one in self.adjustments if one.is_over(charge.code)]
        listed = [one for one in self.listed.get(charge.owner, ()) if one.is_over(charge.code)]
        return tags(charge.owner, under=under, listed=listed)


class Part(NamedTuple):
    """What an event is rated by: a charge, the meters of it that count the event, and one of its prices."""

    charge: UsageCharge
    meters: Sequence[Meter]
    cell: str
    """With the tags of the adjustments its usage is under."""
    price: Price


def parts_of(terms: Terms, event_type: str, facts: Mapping[str, Any]) -> list[Part]:
    """Every part an event with these facts is rated in; a charge that has no price for it leaves it out."""
    parts = []
    for charge in terms.charges:
        meters = [meter for meter in charge.meters if meter.counts(event_type, facts)]
        cell = choose(charge.price, facts) if meters else None
        if cell is not None:
            name, price = cell
            parts.append(Part(charge, meters, name + terms.cell_tags(charge), price))
    return parts


def tags(owner: str, *, under: Sequence[Adjustment], listed: Sequence[Adjustment]) -> str:
    """What follows a price cell of something an owner has: the adjustments that may come or go beside it.

    Those the owner itself lists without a limit are always there, so they are named only where they are not.
    """
    named = []
    for adjustment in under:
        if adjustment.owner != owner:
            named.append(f"{UNDER}{adjustment.code}#{adjustment.charge_id}")
        elif adjustment.is_limited():
            named.append(f"{UNDER}{adjustment.code}")
    missing = [one for one in listed if one not in under and not one.is_limited()]
    return "".join([*named, *(f"{UNDER}-{one.code}" for one in missing)])
