"""An event on its way to being rated, and its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.attribution import Account
from domain.catalogue.charges import Cell, Charge
from domain.catalogue.effective_plan import EffectivePlan, Rate
from domain.rating.measures import measure
from domain.rating.places import PartPlace, Place, TotalKey
from domain.received_event import ReceivedEvent
from domain.usage import RefusalReason, Refused


class Part(NamedTuple):
    """A rated part of an event."""

    place: PartPlace
    metered_millionths: int
    """What its running total gained; of an adjustment, in micros, the money it is a function of."""
    amount_micros: int


@dataclass(slots=True)
class Usage:
    """A received event on its way to being rated. Its first part stands with it."""

    received: ReceivedEvent
    place: Place
    measures: Sequence[int | bytes] = ()
    """What the meters of its place read off it."""
    amount_micros: int = 0
    """Of the first part."""
    metered_millionths: int | None = None
    """What the running total of the first part gained, when that is not the reported quantity."""
    further: Sequence[Part] = ()

    @property
    def account(self) -> Account:
        """Whose usage it is."""
        return self.place.account

    @property
    def plan(self) -> EffectivePlan:
        """What was in effect."""
        return self.place.rates.plan

    @property
    def charge(self) -> Charge:
        """Of the first part."""
        return self.place.rates.usage[0].charge

    @property
    def cell(self) -> Cell:
        """Of the first part."""
        return self.place.rates.usage[0].cell

    @property
    def total_key(self) -> TotalKey:
        """Of the first part."""
        return self.place.total_key

    @property
    def event_micros(self) -> int:
        """What the event comes to with all its parts."""
        return self.amount_micros + sum(part.amount_micros for part in self.further)


def measured(received: ReceivedEvent, place: Place) -> Usage:
    """An event with what the meters of its charges read off it. Raises Refused where they cannot."""
    event = received.event
    measures = [measure(meter, event) for meter in place.meters]
    if event.quantity_millionths < 0:
        for part in place.usage:
            refuse_correction(part.rate)
    elif place.reads_numbers:
        for meter, value in zip(place.meters, measures, strict=True):
            if type(value) is int and value < 0:
                refuse_correction(meter.rate)
    return Usage(received, place, measures)


def refuse_correction(rate: Rate) -> None:
    """Raises Refused unless a charge takes events of negative quantity."""
    if rate.takes_back:
        return
    code = rate.charge.code
    unlike = [meter for meter in rate.meters if not meter.takes_back]
    if unlike:
        detail = f"meter {unlike[0].code!r} of charge {code!r} takes the {unlike[0].aggregation}, which cannot be taken back"
    else:
        detail = f"charge {code!r} refuses corrections; its price would have to say corrections: reprice"
    raise Refused(RefusalReason.QUANTITY, f"the quantity is negative: {detail}")
