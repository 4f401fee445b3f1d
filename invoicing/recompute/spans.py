"""Which terms were in force when, and the slots of usage they priced."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from invoicing.raw_usage_ports import Slot, Telling
from invoicing.recompute.evidence import AccountFacts, ChargeFacts, MeterFacts
from invoicing.recompute.positions import SlotOf
from invoicing.recompute.terms import Adjustment, Meter, Terms, UsageCharge


class Span(NamedTuple):
    """Terms in force in [start, end)."""

    start: datetime
    end: datetime
    terms: Terms


class Slots(NamedTuple):
    """Slots to ask the events by, and what each number stands for."""

    slots: Sequence[Slot]
    legend: Mapping[int, SlotOf]

    def telling(self) -> Sequence[Telling]:
        """Every property some price or meter looks at, and the types of events it looks at it for."""
        types: dict[str, set[str]] = {}
        for charge in self.charges():
            for name in charge.properties():
                types.setdefault(name, set()).update(meter.event_type for meter in charge.meters)
        return [Telling(name, frozenset(types[name])) for name in sorted(types)]

    def charges(self) -> Sequence[UsageCharge]:
        """Every charge that priced one of the slots."""
        distinct = {id(of.terms): of.terms for of in self.legend.values()}
        return [charge for terms in distinct.values() for charge in terms.charges]


class TermsReader:
    """Reads each composition of charges once, however many accounts are on it."""

    def __init__(self, meters: Mapping[str, MeterFacts]) -> None:
        self._meters = {code: Meter(*facts) for code, facts in meters.items()}
        self._read: dict[tuple[int, ...], Terms] = {}

    def read(self, charges: Sequence[ChargeFacts]) -> Terms:
        """The terms some charges make together."""
        key = tuple(charge.charge_id for charge in charges)
        if key not in self._read:
            self._read[key] = _terms(charges, self._meters)
        return self._read[key]


def spans_of(account: AccountFacts, reader: TermsReader) -> list[Span]:
    """The terms of an account through time: its plan's charges, those of contracts in place of those of the same code."""
    instants = sorted({instant for plan in account.plans for instant in (plan.start, plan.end)})
    spans = []
    for start, end in pairwise(instants):
        in_force = [plan for plan in account.plans if plan.start <= start and end <= plan.end]
        if not any(plan.priority is None for plan in in_force):
            continue
        by_code: dict[str, ChargeFacts] = {}
        for plan in sorted(in_force, key=lambda plan: -1 if plan.priority is None else plan.priority):
            by_code.update({charge.code: charge for charge in plan.charges})
        spans.append(Span(start, end, reader.read(list(by_code.values()))))
    return spans


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


def _terms(charges: Iterable[ChargeFacts], meters: Mapping[str, Meter]) -> Terms:
    usage, adjustments = [], []
    for charge in charges:
        document = charge.document
        reset = document.get("reset", "month")
        if charge.kind == "usage":
            measured = [meters[code] for code in document["meters"]]
            price = document["price"]
            shared = document.get("shared", "account")
            usage.append(UsageCharge(charge.charge_id, charge.code, measured, price, reset, shared))
        elif charge.kind == "adjustment":
            applies_to = document.get("applies_to")
            adjustments.append(Adjustment(charge.charge_id, charge.code, document["kind"], document, applies_to, reset))
    return Terms(usage, adjustments)
