"""Generated fees, subscriptions, contracts and usage money, as each of the two raters is told them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain.fee_reading import read_terms
from domain.fee_terms import FeeSegment, TermOfContract
from invoicing.fee_ports import FeeAccount, UsageMoney
from invoicing.recompute.counted import Counted
from invoicing.recompute.evidence import BEGINNING, END, AccountFacts, ChargeFacts, PlanFacts
from invoicing.recompute.positions import TotalKey

OPENED = datetime(2025, 12, 10, 7, tzinfo=UTC)
DAYS = 460
ZONES = ("Asia/Kolkata", "Asia/Jakarta", "UTC", "America/New_York", "Europe/Berlin")
USAGE_CHARGES = {
    9001: ChargeFacts(9001, "otp", "usage", {}, "usage"),
    9002: ChargeFacts(9002, "voice", "usage", {}, "usage"),
    9003: ChargeFacts(9003, "off", "adjustment", {"kind": "percentage", "applies_to": ["otp"]}, "usage"),
    9004: ChargeFacts(9004, "cap", "adjustment", {"kind": "maximum"}, "usage"),
}

_amounts = st.decimals(0, 5_000, places=2) | st.decimals(0, 100, places=6)
_every = st.sampled_from(["month", "month", "quarter", "year"])
_instants = st.one_of(
    st.integers(0, DAYS * 24 * 3600).map(lambda seconds: OPENED + timedelta(seconds=seconds)),
    # Midnights of months, where one period ends and another begins.
    st.tuples(st.integers(0, 15), st.sampled_from(ZONES)).map(lambda each: month_start(*each)),
)


class Segment(NamedTuple):
    """A segment of a subscription."""

    subscription: int
    sold: int
    start: datetime | None
    end: datetime | None
    began: datetime | None
    paused: bool


class Term(NamedTuple):
    """A contract in force."""

    sold: int
    start: datetime
    end: datetime | None
    priority: int
    of_customer: bool


class FeeWorld(NamedTuple):
    """One account."""

    zone: str
    sold: Sequence[Sequence[Mapping[str, Any]]]
    """Documents of the charges of each plan version and contract."""
    segments: Sequence[Segment]
    terms: Sequence[Term]
    money: Mapping[tuple[date, int], int]
    """Micros of usage charges and adjustments by month."""

    def for_the_first(self, booked: Mapping[Any, Any]) -> FeeAccount:
        """The account as accruing fees reads it."""
        read = [read_terms((number, kind, document) for number, kind, document in self._numbered(s)) for s in self._ids()]
        segments = []
        for each in self.segments:
            start, began = each.start or OPENED, each.began or OPENED
            terms = read[each.sold] if each.began is not None else read[each.sold].__class__(read[each.sold].fees, {})
            if each.end is None or each.end > start:
                segments.append(FeeSegment(each.subscription, began, start, each.end, each.paused, terms))
        ordered = sorted(self.terms, key=lambda term: (-term.priority, term.of_customer))
        contracts = [TermOfContract(term.start, term.end, read[term.sold]) for term in ordered]
        usage = []
        for (month, charge_id), micros in self.money.items():
            charge = USAGE_CHARGES[charge_id]
            codes = [charge.code] if charge.kind == "usage" else charge.document.get("applies_to") or ()
            usage.append(UsageMoney(month, frozenset(codes), micros))
        return FeeAccount(1, "acme", ZoneInfo(self.zone), segments, contracts, booked, usage)

    def for_the_second(self) -> AccountFacts:
        """The account as the second rater reads it."""
        plans = [
            PlanFacts(
                each.start or BEGINNING,
                each.end or END,
                self._charges(each.sold),
                each.began or BEGINNING,
                subscription=each.subscription,
                paused=each.paused,
            )
            for each in self.segments
        ]
        plans += [
            PlanFacts(
                term.start, term.end or END, self._charges(term.sold), term.start, term.priority, int(term.of_customer)
            )
            for term in self.terms
        ]
        return AccountFacts(1, "acme", 1, "INR", self.zone, (), plans, OPENED)

    def counted(self) -> Counted:
        """Its usage as the second rater counts it."""
        counted = Counted(USAGE_CHARGES)
        counted.add((TotalKey(1, month, charge_id, "*"), micros) for (month, charge_id), micros in self.money.items())
        return counted

    def _ids(self) -> Sequence[int]:
        return range(len(self.sold))

    def _numbered(self, number: int) -> list[tuple[int, str, Mapping[str, Any]]]:
        return [
            (number * 100 + place, document["kind"] if document["kind"] != "trial" else "adjustment", document)
            for place, document in enumerate(self.sold[number], 1)
        ]

    def _charges(self, number: int) -> list[ChargeFacts]:
        return [
            ChargeFacts(identity, document["code"], kind, document, f"sold {number}")
            for identity, kind, document in self._numbered(number)
        ]


def month_start(number: int, zone: str) -> datetime:
    """The beginning of a month of a zone, counted from January 2026."""
    return datetime(2026 + number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@st.composite
def fees(draw, code, counted=("otp", "voice", "platform", "setup")):
    """A recurring charge, a one-time charge or a commitment, which may count some codes."""
    kind = draw(st.sampled_from(["recurring", "recurring", "one_time", "commitment"]))
    document: dict[str, Any] = {"code": code, "kind": kind}
    if kind != "one_time":
        document["prorate"] = draw(st.booleans())
    if kind != "one_time" and draw(st.booleans()):
        document["every"] = draw(_every)
    if kind == "commitment":
        document["minimum"] = str(draw(_amounts))
        if draw(st.booleans()):
            document["counts"] = draw(st.lists(st.sampled_from(counted), min_size=1, unique=True))
        return document
    document["amount"] = str(draw(_amounts))
    if kind == "recurring":
        document["billed"] = draw(st.sampled_from(["in_advance", "in_arrears"]))
        document["anchor"] = draw(st.sampled_from(["calendar", "anniversary"]))
    return document


@st.composite
def _sold(draw):
    documents = [
        draw(fees(code))
        for code in draw(st.lists(st.sampled_from(["platform", "setup", "minimum"]), min_size=1, unique=True))
    ]
    if draw(st.integers(0, 3)) == 0:
        trial = {"code": "trial", "kind": "trial", "days": draw(st.integers(1, 40))}
        documents.append(trial if draw(st.booleans()) else {**trial, "applies_to": ["otp"]})
    return documents


@st.composite
def _other_amounts(draw, documents):
    amounts = {name: str(draw(_amounts)) for name in ("amount", "minimum")}
    return [{name: amounts.get(name, value) for name, value in document.items()} for document in documents]


@st.composite
def fee_worlds(draw):
    """An account with up to two subscriptions one after the other, changes and pauses, and contracts over them."""
    first = draw(_sold())
    # Most changes are to a newer version of the same plan: the same fees at other amounts.
    sold = [first, draw(st.one_of(_sold(), _other_amounts(first), _other_amounts(first))), draw(_sold())]
    cuts = sorted(draw(st.lists(_instants, min_size=1, max_size=6, unique=True)))
    segments: list[Segment] = []
    since_ever = draw(st.integers(0, 9)) == 0
    subscription, began = 1, None if since_ever else cuts[0]
    starts = [None, *cuts] if since_ever else cuts
    for place, start in enumerate(starts):
        end = starts[place + 1] if place + 1 < len(starts) else draw(st.sampled_from([None, cuts[-1] + timedelta(days=40)]))
        if place and draw(st.integers(0, 4)) == 0:
            subscription, began = subscription + 1, start
        paused, gap = draw(st.integers(0, 4)) == 0, draw(st.integers(0, 6)) == 0
        if not gap or not place:
            segments.append(Segment(subscription, draw(st.integers(0, 1)), start, end, began, paused))
    terms = []
    for priority in draw(st.lists(st.integers(0, 3), max_size=2, unique=True)):
        start = draw(_instants)
        lasts = draw(st.sampled_from([None, timedelta(days=20), timedelta(days=90)]))
        terms.append(Term(2, start, lasts and start + lasts, priority, draw(st.booleans())))
    money = {
        (date(2025 + (11 + number) // 12, (11 + number) % 12 + 1, 1), charge_id): micros * (1 if charge_id < 9003 else -1)
        for (number, charge_id), micros in draw(_money).items()
    }
    return FeeWorld(draw(st.sampled_from(ZONES)), sold, segments, terms, money)


_money = st.dictionaries(
    st.tuples(st.integers(0, 16), st.sampled_from(list(USAGE_CHARGES))),
    st.decimals(0, 4_000, places=6).map(lambda amount: int(amount * Decimal(1_000_000))),
    max_size=12,
)
nows = _instants
"""Moments to look from."""
