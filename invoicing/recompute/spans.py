"""Which terms were in force when, and the slots of usage they priced."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from invoicing.raw_usage_ports import Slot, Telling
from invoicing.recompute.adjustments import ORDER
from invoicing.recompute.evidence import BEGINNING, END, AccountFacts, ChargeFacts, MeterFacts, PlanFacts
from invoicing.recompute.positions import SlotOf
from invoicing.recompute.terms import Adjustment, Meter, Part, Terms, UsageCharge


class Span(NamedTuple):
    """Terms in force in [start, end)."""

    start: datetime
    end: datetime
    terms: Terms


class Slots(NamedTuple):
    """Slots to ask the events by, and what each number stands for."""

    slots: Sequence[Slot]
    legend: Mapping[int, SlotOf]
    unused: Sequence[tuple[SlotOf, Part]] = ()
    """Prices that are due in some months even if nothing was used."""

    def telling(self) -> Sequence[Telling]:
        """Every property some price or meter looks at, and the types of events it looks at it for."""
        types: dict[str, set[str]] = {}
        for charge in self.charges():
            for name in charge.properties():
                types.setdefault(name, set()).update(meter.event_type for meter in charge.meters)
        return [Telling(name, frozenset(types[name])) for name in sorted(types)]

    def charges(self) -> Sequence[UsageCharge]:
        """Every usage charge that priced one of the slots."""
        return [charge for terms in self._terms() for charge in terms.charges]

    def resets(self) -> set[str]:
        """After how long the prices and adjustments of the slots begin anew."""
        return {item.reset for item in self._items()}

    def sharings(self) -> set[str]:
        """Whose usage the prices and adjustments of the slots count together."""
        return {item.shared for item in self._items()}

    def _items(self) -> Iterator[UsageCharge | Adjustment]:
        for terms in self._terms():
            yield from terms.charges
            yield from terms.adjustments

    def _terms(self) -> Sequence[Terms]:
        those = [*self.legend.values(), *(of for of, _ in self.unused)]
        return list({id(of.terms): of.terms for of in those}.values())


class TermsReader:
    """Reads each composition of charges once, however many accounts are on it."""

    def __init__(self, meters: Mapping[str, MeterFacts]) -> None:
        self._meters = {code: Meter(*facts) for code, facts in meters.items()}
        self._read: dict[tuple[tuple[int, ...], tuple[int, ...]], Terms] = {}

    def read(self, charges: Sequence[ChargeFacts], *, listed: Sequence[ChargeFacts]) -> Terms:
        """The terms some charges make together; `listed` are all of the plan and contracts they are of."""
        key = tuple(charge.charge_id for charge in charges), tuple(charge.charge_id for charge in listed)
        if key not in self._read:
            of_owner: dict[str, list[Adjustment]] = {}
            for adjustment in _adjustments(listed):
                of_owner.setdefault(adjustment.owner, []).append(adjustment)
            usage = [self._usage(charge) for charge in charges if charge.kind == "usage"]
            self._read[key] = Terms(usage, _adjustments(charges), of_owner)
        return self._read[key]

    def _usage(self, charge: ChargeFacts) -> UsageCharge:
        document = charge.document
        meters = [self._meters[code] for code in document.get("meters") or [document["meter"]]]
        reset, shared = document.get("reset") or "month", document.get("shared") or "account"
        free = document.get("without_usage") == "nothing"
        return UsageCharge(charge.charge_id, charge.code, charge.owner, meters, document["price"], reset, shared, free)


def _adjustments(charges: Sequence[ChargeFacts]) -> Sequence[Adjustment]:
    found = [_adjustment(charge) for charge in charges if charge.kind == "adjustment"]
    return sorted(found, key=lambda one: ORDER.index(one.kind))


def _adjustment(charge: ChargeFacts) -> Adjustment:
    document = charge.document
    codes = document.get("applies_to")
    applies_to = None if codes is None else frozenset(codes)
    reset, shared = document.get("reset") or "month", document.get("shared") or "account"
    return Adjustment(charge.charge_id, charge.code, charge.owner, document["kind"], document, applies_to, reset, shared)


def spans_of(account: AccountFacts, reader: TermsReader) -> list[Span]:
    """The terms of an account through time: its plan's charges, those of contracts in place of those of the same code.

    Of contracts the one of the greatest priority stands, of equal ones the older. An adjustment that is limited ends when
    its periods or days are over; what it stood in place of does not come back while its contract is in force.
    """
    limits = {
        (number, charge.charge_id): _end(charge, plan.since, ZoneInfo(account.time_zone))
        for number, plan in enumerate(account.plans)
        for charge in plan.charges
        if charge.kind == "adjustment" and ("periods" in charge.document or "days" in charge.document)
    }
    instants = sorted({*limits.values(), *(instant for plan in account.plans for instant in (plan.start, plan.end))})
    spans = []
    for start, end in pairwise(instants):
        in_force = [(plan, number) for number, plan in enumerate(account.plans) if plan.start <= start and end <= plan.end]
        if not any(plan.priority is None for plan, _ in in_force):
            continue
        by_code: dict[tuple[bool, str], tuple[ChargeFacts, datetime]] = {}
        for plan, number in sorted(in_force, key=lambda each: _strength(each[0])):
            for charge in sorted(plan.charges, key=_rank):
                until = limits.get((number, charge.charge_id), END)
                by_code[charge.kind == "adjustment", charge.code] = charge, until
        present = [charge for charge, until in by_code.values() if start < until]
        listed = [charge for plan, _ in in_force for charge in plan.charges]
        spans.append(Span(start, end, reader.read(present, listed=listed)))
    return spans


def _rank(charge: ChargeFacts) -> int:
    """The order adjustments are made in; one that stands in another's place takes its place in the order."""
    return ORDER.index(charge.document["kind"]) if charge.kind == "adjustment" else 0


def _strength(plan: PlanFacts) -> tuple[int, ...]:
    """The plan first, then contracts from the weakest to the strongest."""
    return (0, 0, 0) if plan.priority is None else (1, plan.priority, -plan.age)


def _end(adjustment: ChargeFacts, since: datetime, zone: ZoneInfo) -> datetime:
    """When a limited adjustment of something that began at `since` ends; at once, for what has no beginning."""
    if since == BEGINNING:
        return BEGINNING
    began = since.astimezone(zone)
    ends = []
    if adjustment.document.get("periods") is not None:
        months = began.year * 12 + began.month - 1 + adjustment.document["periods"]
        ends.append(datetime(months // 12, months % 12 + 1, 1, tzinfo=zone))
    if adjustment.document.get("days") is not None:
        ends.append(began + timedelta(days=adjustment.document["days"]))
    return min(end.astimezone(UTC) for end in ends)


def slots_for(accounts: Iterable[AccountFacts], months: Iterable[date], meters: Mapping[str, MeterFacts]) -> Slots:
    """A slot number for each account, month and terms; a slot for each of its aliases in each stretch of time."""
    slots: list[Slot] = []
    legend: dict[int, SlotOf] = {}
    months = list(months)
    reader = TermsReader(meters)
    for account in accounts:
        spans = spans_of(account, reader)
        for month in months:
            from_instant, to_instant = month_span(month, account.time_zone)
            for span in spans:
                start, end = max(span.start, from_instant), min(span.end, to_instant)
                stretches = list(_named(account, start, end))
                if stretches:
                    number = len(legend)
                    legend[number] = SlotOf(account.account_id, account.tree_id, month, span.terms)
                    slots += [Slot(number, account.tree_id, alias, since, until) for alias, since, until in stretches]
    return Slots(slots, legend)


def month_span(month: date, time_zone: str) -> tuple[datetime, datetime]:
    """The instants a month begins and ends at in a time zone."""
    zone = ZoneInfo(time_zone)
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return tuple(datetime(day.year, day.month, 1, tzinfo=zone).astimezone(UTC) for day in (month, after))  # type: ignore[return-value]


def _named(account: AccountFacts, start: datetime, end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    for alias in account.aliases:
        since, until = max(alias.start, start), min(alias.end, end)
        if since < until:
            yield alias.alias, since, until
