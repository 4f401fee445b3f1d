"""A generated catalogue as each of the two raters is told it, and generated usage rated by the first in batches."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from zoneinfo import ZoneInfo

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, Account, AliasSpan, RatingConfig
from domain.catalogue import Contract, ContractTerm, Meter, PlanVersion, Subscription, read_adjustment, read_charge
from domain.catalogue.meters import Aggregation
from domain.metering import prepare, settle
from domain.money import Currency
from domain.rating.running import Remembered, Total
from domain.usage import TimeWindow, UsageEvent
from invoicing.recompute.evidence import BEGINNING, END, AccountFacts, AliasFacts, Booked, ChargeFacts, MeterFacts, PlanFacts
from invoicing.recompute.positions import PositionKey, Running, TotalKey
from tests.builders_usage import a_received_event, an_origin, micros_of
from tests.laws.catalogues import METERS, Customer, Sold, Span, instant

ALWAYS = TimeWindow(late_limit_micros=10**18, future_tolerance_micros=10**18)
METERS_BY_CODE = {
    document["code"]: Meter(
        number,
        document["code"],
        document["event_type"],
        Aggregation(document.get("aggregation", "sum")),
        document.get("property", "quantity"),
        tuple((name, frozenset(values)) for name, values in document.get("filter", {}).items()),
    )
    for number, document in enumerate(METERS, 1)
}
METER_FACTS = {
    document["code"]: MeterFacts(
        document["code"],
        document["event_type"],
        document.get("aggregation", "sum"),
        document.get("property", "quantity"),
        document.get("filter", {}),
    )
    for document in METERS
}


class Catalogue:
    """Numbers what is sold, the same for both raters."""

    def __init__(self, customers: Sequence[Customer]) -> None:
        self.customers = customers
        self._sold: list[Sold] = []
        self._first: dict[tuple[type, int], PlanVersion | Contract] = {}
        self.ids = {customer.code: number for number, customer in enumerate(customers, 1)}

    def config(self) -> RatingConfig:
        """What the first rater is told."""
        accounts = [
            Account(
                self.ids[customer.code],
                customer.code,
                "customer",
                self.ids[customer.code] + 100,
                Currency.INR,
                ZoneInfo(customer.time_zone),
                [Subscription(self._list(PlanVersion, span), *_micros(span)) for span in customer.plans],
                [ContractTerm(self._list(Contract, span), *_micros(span)[:2], span.priority) for span in customer.contracts],
                self.ids[customer.below or customer.code],
            )
            for customer in self.customers
        ]
        return RatingConfig(
            version=1,
            aliases={account.code: (AliasSpan(account, DISTANT_PAST, DISTANT_FUTURE),) for account in accounts},
            accounts={account.account_id: account for account in accounts},
            meters=frozenset(meter.event_type for meter in METERS_BY_CODE.values()),
        )

    def facts(self) -> list[AccountFacts]:
        """What the second rater is told."""
        return [
            AccountFacts(
                self.ids[customer.code],
                customer.code,
                self.ids[customer.below or customer.code],
                "INR",
                customer.time_zone,
                [AliasFacts(customer.code, BEGINNING, END)],
                [
                    *(self._facts(PlanVersion, span) for span in customer.plans),
                    *(self._facts(Contract, span) for span in customer.contracts),
                ],
            )
            for customer in self.customers
        ]

    def _list(self, kind: type, span: Span) -> PlanVersion | Contract:
        number = self._number(span.sold)
        if (kind, number) not in self._first:
            charges, adjustments = {}, []
            for identity, document in self._documents(number):
                if document["kind"] == "usage":
                    charges[document["code"]] = read_charge(identity, document, path="plan", meters=METERS_BY_CODE)
                else:
                    adjustments.append(read_adjustment(identity, document, path="plan"))
            made = kind(number, _owner(kind, number), Currency.INR, charges, adjustments=adjustments)
            self._first[kind, number] = made
        return self._first[kind, number]

    def _facts(self, kind: type, span: Span) -> PlanFacts:
        number = self._number(span.sold)
        charges = [
            ChargeFacts(
                identity,
                document["code"],
                "usage" if document["kind"] == "usage" else "adjustment",
                document,
                _owner(kind, number),
            )
            for identity, document in self._documents(number)
        ]
        since = instant(span.start if span.since is None else span.since) or BEGINNING
        priority = None if kind is PlanVersion else span.priority
        return PlanFacts(instant(span.start) or BEGINNING, instant(span.end) or END, charges, since, priority, number)

    def _number(self, sold: Sold) -> int:
        for number, known in enumerate(self._sold):
            if known is sold:
                return number
        self._sold.append(sold)
        return len(self._sold) - 1

    def _documents(self, number: int) -> Iterable[tuple[int, Mapping[str, object]]]:
        return ((number * 100 + place, document) for place, document in enumerate(self._sold[number].charges, 1))


def _owner(kind: type, number: int) -> str:
    return f"{kind.__name__} {number}"


def _micros(span: Span) -> tuple[int, int, int | None]:
    start, end, since = instant(span.start), instant(span.end), instant(span.since)
    return (
        DISTANT_PAST if start is None else micros_of(start),
        DISTANT_FUTURE if end is None else micros_of(end),
        None if since is None else micros_of(since),
    )


def rated_by_the_first(
    events: Sequence[UsageEvent], config: RatingConfig, *, cuts: Sequence[int]
) -> tuple[list[UsageEvent], Booked]:
    """The events that were rated, in batches cut where told, and the books after them."""
    rated: list[UsageEvent] = []
    totals: dict[tuple, Total] = {}
    positions: dict[tuple, Total] = {}
    states: dict = {}
    values: set = set()
    edges = [0, *sorted(cut for cut in cuts if cut < len(events)), len(events)]
    for start, end in pairwise(edges):
        received = [
            a_received_event(event, origin=an_origin(number)) for number, event in enumerate(events[start:end], start)
        ]
        remembered = Remembered(positions, states, values)
        settled = settle(prepare(received, config, ALWAYS), {}, totals, remembered=remembered)
        rated += [usage.received.event for usage in settled.rated]
        _add(totals, settled.running.added)
        _add(positions, settled.running.positions)
        states.update(settled.running.states)
        values.update(settled.running.values)
    return rated, Booked(
        {TotalKey(*key): _running(total) for key, total in totals.items()},
        {PositionKey(*key): _running(total) for key, total in positions.items()},
        {},
        {},
    )


def _add(totals: dict[tuple, Total], added: Mapping[tuple, Total]) -> None:
    for key, more in added.items():
        total = totals.get(key, Total())
        totals[key] = Total(
            total.quantity_millionths + more.quantity_millionths,
            total.amount_micros + more.amount_micros,
            total.event_count + more.event_count,
        )


def _running(total: Total) -> Running:
    return Running(total.quantity_millionths, total.amount_micros, total.event_count)
