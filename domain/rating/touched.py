"""What a batch's events touch: everything that is locked and read before they can be rated."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.catalogue.meters import Aggregation
from domain.rating.places import Place, StateKey, TotalKey
from domain.rating.usage import Usage


@dataclass(slots=True)
class Touched:
    """Each once. Whoever locks them does so in the order of the fields, and within one by its key."""

    wallets: dict[int, None] = field(default_factory=dict)
    positions: dict[TotalKey, None] = field(default_factory=dict)
    """Price positions that are not running totals."""
    totals: dict[TotalKey, None] = field(default_factory=dict)
    states: dict[StateKey, None] = field(default_factory=dict)
    values: dict[bytes, StateKey] = field(default_factory=dict)
    """Digests of distinct values that may have been counted before, and what each is a value of."""


def touched_by(usages: Iterable[Usage]) -> Touched:
    """What some events touch."""
    touched = Touched()
    places: dict[Place, None] = {}
    for usage in usages:
        place = usage.place
        places[place] = None
        if not place.is_simple:
            _add_values(touched, usage)
    for place in places:
        touched.wallets[place.wallet_id] = None
        # Whichever wallet pays, that of the account guards its running totals: several types of events may share one.
        touched.wallets[place.account.wallet_id] = None
        if place.is_simple:
            touched.totals[place.total_key] = None
        else:
            _add_parts(touched, place)
    return touched


def _add_values(touched: Touched, usage: Usage) -> None:
    for meter, value in zip(usage.place.meters, usage.measures, strict=True):
        if isinstance(value, bytes):
            touched.values[value] = meter.key


def _add_parts(touched: Touched, place: Place) -> None:
    for part in place.parts():
        touched.totals[part.total_key] = None
        if part.has_position:
            touched.positions[part.position_key] = None
    for part in place.usage:
        for meter in part.meters:
            if meter.meter.aggregation in (Aggregation.MAX, Aggregation.LATEST):
                touched.states[meter.key] = None
