"""The plan in effect at an instant: a plan version, with what contracts put in place of its charges, and its adjustments.

What it does with an event depends on the event's type and properties only, and is worked out once for each combination
of the properties that any of its charges looks at.

A running total is a function of the events in it only while all of them are adjusted alike. So where an adjustment may
come or go beside a charge (a launch offer of three months, a contract's discount on the plan's price), the usage under it
has a running total of its own: its price cell is followed by "//" and the adjustment, "sms/IN//launch". So has usage
that an adjustment of its own plan is not made on, because a contract put another in its place: "sms/IN//-loyal".
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from domain.catalogue.adjustments import Adjustment, AdjustmentKind
from domain.catalogue.charges import UNDER, Cell, Charge, Reset, Sharing
from domain.catalogue.meters import Meter
from domain.catalogue.price_list import Contract, PlanVersion, PriceList, in_order
from domain.money import Currency
from domain.pricing.price_fields import Corrections

_SEEN_MAX: Final = 10_000


class Rate(NamedTuple):
    """What one charge does with an event: the cell, and the meters of the charge that count it."""

    charge: Charge
    cell: Cell
    meters: tuple[Meter, ...]

    @property
    def is_plain(self) -> bool:
        """Whether it is a function of the sum of the reported quantities of the account's month."""
        return (
            len(self.meters) == 1
            and self.meters[0].takes_quantity
            and not self.cell.tariff.per_event
            and self.charge.reset is Reset.MONTH
            and self.charge.shared is Sharing.ACCOUNT
        )

    @property
    def takes_back(self) -> bool:
        """Whether it takes events of negative quantity."""
        return self.cell.tariff.corrections is Corrections.REPRICE and all(meter.takes_back for meter in self.meters)


class AdjustmentRate(NamedTuple):
    """What one adjustment does with an event."""

    adjustment: Adjustment
    cell_name: str
    counted: tuple[int, ...]
    """Places of the parts whose money it is a function of, among those before it: usage first, then adjustments."""


class Rates:
    """What becomes of events of one type and some properties: the charges they are priced by, and the adjustments."""

    __slots__ = ("adjustments", "is_simple", "plan", "usage")

    def __init__(self, plan: "EffectivePlan", usage: tuple[Rate, ...], adjustments: tuple[AdjustmentRate, ...]) -> None:
        self.plan = plan
        self.usage = usage
        self.adjustments = adjustments
        self.is_simple = len(usage) == 1 and usage[0].is_plain and not adjustments
        """One part, no adjustment: what nearly all events are."""


class EffectivePlan:
    """Charges by code and adjustments in order, with the labels of where they come from."""

    __slots__ = ("_by_type", "_counted", "_is_untagged", "_owners", "adjustments", "charges", "contracts", "version")

    def __init__(
        self, version: PlanVersion, contracts: Sequence[Contract] = (), *, adjustments: Sequence[Adjustment] | None = None
    ) -> None:
        """`contracts` from the strongest to the weakest; `adjustments` those in force, all there are when left out."""
        lists: list[PriceList] = [version, *reversed(contracts)]
        self.version = version
        self.contracts = tuple(contracts)
        self.charges: dict[str, Charge] = {}
        self._owners: dict[int, PriceList] = {}
        for prices in lists:
            for charge in prices.charges.values():
                self.charges[charge.code] = charge
                self._owners[charge.charge_id] = prices
            for adjustment in prices.adjustments:
                self._owners[adjustment.charge_id] = prices
        self.adjustments = all_adjustments(version, contracts) if adjustments is None else tuple(adjustments)
        # Nothing comes or goes: no cell has a tag, and nobody need look.
        limited = any(one.is_limited for one in self.adjustments)
        self._is_untagged = not contracts and not limited and len(self.adjustments) == len(version.adjustments)
        self._by_type: dict[str, _OfType] = {}
        self._counted: Mapping[str, Sequence[tuple[Charge, tuple[Meter, ...]]]] | None = None

    @property
    def label(self) -> str:
        """That of the plan version."""
        return self.version.label

    @property
    def currency(self) -> Currency:
        """That of the plan version; contracts have the same."""
        return self.version.currency

    def rates_for(self, event_type: str, properties: Mapping[str, object]) -> Rates | None:
        """What becomes of an event; None when no charge prices it."""
        of_type = self._by_type.get(event_type)
        if of_type is None:
            of_type = self._by_type[event_type] = _OfType(self, event_type)
        values = tuple(map(properties.get, of_type.names))
        try:
            return of_type.seen[values]
        except KeyError:
            return of_type.rates_for(properties, values)

    def rates_of(self, charge: Charge) -> Rates:
        """What one of its charges, whose price asks for no properties, does by itself, and the adjustments made on it."""
        (cell,) = charge.cells.values()
        return _rates(self, [(charge, cell, charge.meters)])

    def counted(self, event_type: str) -> Sequence[tuple[Charge, tuple[Meter, ...]]]:
        """The charges that count events of a type, each with the meters that do."""
        if self._counted is None:
            found: dict[str, dict[str, list[Meter]]] = {}
            for charge in self.charges.values():
                for meter in charge.meters:
                    found.setdefault(meter.event_type, {}).setdefault(charge.code, []).append(meter)
            self._counted = {
                name: [(self.charges[code], tuple(meters)) for code, meters in by_code.items()]
                for name, by_code in found.items()
            }
        return self._counted.get(event_type, ())

    def label_of(self, charge_id: int) -> str:
        """Where one of its charges or adjustments comes from: the plan version or a contract."""
        return self._owners[charge_id].label

    def tags(self, item: Charge | Adjustment, *, under: Sequence[Adjustment]) -> str:
        """What follows the price cells of `item`, given those later adjustments it is `under`."""
        if self._is_untagged:
            return ""
        owner = self._owners[item.charge_id]
        tags = []
        for adjustment in under:
            if self._owners[adjustment.charge_id] is not owner:
                tags.append(f"{UNDER}{adjustment.code}#{adjustment.charge_id}")
            elif adjustment.is_limited:
                tags.append(f"{UNDER}{adjustment.code}")
        # What is always there needs no name, unless another stands in its place: that may be over less, or have ended.
        usual = [one for one in _made_on(item, owner.adjustments) if not one.is_limited]
        return "".join([*tags, *(f"{UNDER}-{one.code}" for one in usual if one not in under)])


def _made_on(item: Charge | Adjustment, adjustments: Sequence[Adjustment]) -> list[Adjustment]:
    """Those of one price list that are made on the money of one of its charges or adjustments, when they are in force."""
    if isinstance(item, Charge):
        return [one for one in adjustments if one.applies_to is None or item.code in one.applies_to]
    return [one for one in adjustments[list(adjustments).index(item) + 1 :] if one.counts(item)]


def all_adjustments(version: PlanVersion, contracts: Sequence[Contract]) -> tuple[Adjustment, ...]:
    """Those of a plan version and of contracts, from the strongest to the weakest; of one code, the strongest stands."""
    chosen: dict[str, Adjustment] = {}
    for prices in (version, *reversed(contracts)):
        chosen |= {adjustment.code: adjustment for adjustment in prices.adjustments}
    return in_order(list(chosen.values()))


class _OfType:
    """A plan's charges for one event type, and what it said to the combinations of properties seen so far."""

    __slots__ = ("_interned", "_meters", "_plan", "names", "seen")

    def __init__(self, plan: EffectivePlan, event_type: str) -> None:
        self._plan = plan
        self._meters = plan.counted(event_type)
        names = [name for charge, _ in self._meters for name in charge.dimensions]
        names += [name for _, meters in self._meters for meter in meters for name, _ in meter.filter]
        self.names = tuple(dict.fromkeys(names))
        """The properties any of them looks at."""
        self.seen: dict[tuple[object, ...], Rates | None] = {}
        """By the values of these."""
        self._interned: dict[tuple[tuple[int, str, tuple[Meter, ...]], ...], Rates] = {}

    def rates_for(self, properties: Mapping[str, object], values: tuple[object, ...]) -> Rates | None:
        rates = self._work_out(properties)
        if len(self.seen) < _SEEN_MAX:
            self.seen[values] = rates
        return rates

    def _work_out(self, properties: Mapping[str, object]) -> Rates | None:
        usage = []
        for charge, of_type in self._meters:
            meters = tuple(meter for meter in of_type if meter.matches(properties))
            cell = charge.cell_for(properties) if meters else None
            if cell is not None:
                usage.append((charge, cell, meters))
        if not usage:
            return None
        # Many values that no row names come to the same, and have the same running totals: one object says so.
        name = tuple((charge.charge_id, cell.name, meters) for charge, cell, meters in usage)
        rates = self._interned.get(name)
        if rates is None:
            rates = self._interned[name] = _rates(self._plan, usage)
        return rates


def _rates(plan: EffectivePlan, usage: Sequence[tuple[Charge, Cell, tuple[Meter, ...]]]) -> Rates:
    over = {
        charge.code: [one for one in plan.adjustments if one.applies_to is None or charge.code in one.applies_to]
        for charge, _, _ in usage
    }
    applied = [one for one in plan.adjustments if any(one in adjustments for adjustments in over.values())]
    parts = tuple(
        Rate(charge, Cell(cell.name + plan.tags(charge, under=over[charge.code]), cell.tariff), meters)
        for charge, cell, meters in usage
    )
    adjustments = []
    free: set[str] = set()
    for place, adjustment in enumerate(applied):
        later = [one for one in applied[place + 1 :] if one.counts(adjustment)]
        # Of what is on trial nothing is left that a later adjustment, whatever it is on, could take off once more.
        own = [charge.code for charge, _, _ in usage if adjustment in over[charge.code] and charge.code not in free]
        counted = [number for number, (charge, _, _) in enumerate(usage) if charge.code in own]
        if adjustment.kind is AdjustmentKind.TRIAL:
            free.update(own)
        else:
            counted += [
                len(usage) + number
                for number, one in enumerate(applied[:place])
                if adjustment.counts(one) and one.kind is not AdjustmentKind.TRIAL
            ]
        name = adjustment.code + plan.tags(adjustment, under=later)
        adjustments.append(AdjustmentRate(adjustment, name, tuple(counted)))
    return Rates(plan, parts, tuple(adjustments))
