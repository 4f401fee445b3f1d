"""Generated catalogues, accounts and events: any charges and adjustments, contracts, and usage that meets them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.builders_usage import an_event
from tests.laws import price_documents

SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = 91
METERS = (
    {"code": "otp", "event_type": "otp.delivered"},
    {"code": "otp-calls", "event_type": "otp.delivered", "aggregation": "count"},
    {"code": "otp-sms", "event_type": "otp.delivered", "filter": {"channel": ["sms"]}},
    {"code": "numbers", "event_type": "otp.delivered", "aggregation": "unique", "property": "number"},
    {"code": "seconds", "event_type": "voice.call", "property": "seconds"},
    {"code": "calls", "event_type": "voice.call", "aggregation": "count", "filter": {"channel": ["voice", "sms"]}},
    {"code": "peak", "event_type": "voice.call", "aggregation": "max", "property": "seconds"},
    {"code": "seats", "event_type": "voice.call", "aggregation": "latest"},
)
CODES = ("alpha", "beta", "gamma")
CHANNELS = ("sms", "whatsapp", "voice", "pigeon")
COUNTRIES = ("IN", "US", 7, None)


class Sold(NamedTuple):
    """A plan version or contract: documents of its charges, adjustments among them."""

    charges: Sequence[dict[str, Any]]


class Span(NamedTuple):
    """On a plan or contract from one day up to another, counted from the first of September; None: for ever.

    `since` is when what it is a segment of began; None: with it.
    """

    sold: Sold
    start: int | None
    end: int | None
    since: int | None = None
    priority: int = 0


class Customer(NamedTuple):
    """An account with its plans and contracts."""

    code: str
    time_zone: str
    below: str | None
    plans: Sequence[Span]
    contracts: Sequence[Span]


def instant(day: int | None) -> datetime | None:
    """When a day of a span begins."""
    return None if day is None else SEPTEMBER + timedelta(days=day, hours=7)


@st.composite
def _matrix(draw, models):
    keys = draw(
        st.lists(st.tuples(st.sampled_from([None, "sms", "voice"]), st.sampled_from([None, "IN", "US"])), max_size=3)
    )
    # Rows of one value each may both fit an event: publication asks for a row that is more specific than both.
    keys += [(channel, country) for channel, none in keys for nothing, country in keys if none is None and nothing is None]
    rows = []
    for channel, country in dict.fromkeys(keys):
        when = {name: value for name, value in (("channel", channel), ("country", country)) if value is not None}
        rows.append({**draw(models), **({"when": when} if when else {})})
    if not any("when" not in row for row in rows):
        rows.append(draw(models))
    return {"model": "matrix", "dimensions": ["channel", "country"], "rows": rows}


@st.composite
def usage_charges(draw, code):
    """A usage charge of any price; single events are priced only by what each of them reports."""
    per_event = draw(st.integers(0, 4)) == 0
    if per_event:
        meters = [draw(st.sampled_from(["otp", "otp-sms", "seconds"]))]
    else:
        meters = draw(st.lists(st.sampled_from([meter["code"] for meter in METERS]), min_size=1, max_size=2, unique=True))
    models = price_documents.of_events if per_event else price_documents.of_totals
    price = draw(st.one_of(models, _matrix(models)))
    if any(meter["code"] in meters and meter.get("aggregation") in ("unique", "max", "latest") for meter in METERS):
        price = _without_corrections(price)  # a highest, latest or distinct value cannot be taken back
    document = {"code": code, "kind": "usage", "meters": meters, "price": price}
    document |= {"description": code, "sac": "998319", "unit": "message"}
    if draw(st.integers(0, 2)) == 0:
        document["reset"] = draw(st.sampled_from(["month", "quarter", "year", "never"]))
    if draw(st.integers(0, 2)) == 0:
        document["shared"] = draw(st.sampled_from(["account", "account_tree"]))
    return document


def _without_corrections(price):
    rows = {"rows": [_without_corrections(row) for row in price["rows"]]} if "rows" in price else {}
    return {name: value for name, value in price.items() if name != "corrections"} | rows


@st.composite
def adjustments(draw, code):
    """An adjustment of any kind."""
    kind = draw(st.sampled_from(["trial", "free_amount", "percentage", "maximum"]))
    document = {"code": code, "kind": kind, "description": code}
    if kind == "percentage":
        document["percent"] = draw(st.sampled_from(["10", "33.333333", "100"]))
    elif kind != "trial":
        document["amount"] = draw(price_documents.fees)
    if draw(st.booleans()):
        document["applies_to"] = draw(st.lists(st.sampled_from(CODES), min_size=1, unique=True))
    if kind == "trial" or draw(st.integers(0, 2)) == 0:
        document[draw(st.sampled_from(["periods", "days"]))] = draw(st.integers(1, 3))
    if draw(st.integers(0, 3)) == 0:
        document["reset"] = draw(st.sampled_from(["quarter", "never"]))
    if draw(st.integers(0, 3)) == 0:
        document["shared"] = "account_tree"
    return document


@st.composite
def sold(draw, *, charges_min):
    """Charges under some of the codes, and up to two adjustments."""
    codes = draw(st.lists(st.sampled_from(CODES), min_size=charges_min, max_size=3, unique=True))
    more = draw(st.lists(st.sampled_from(["launch", "cap", "loyal"]), max_size=2, unique=True))
    return Sold([*(draw(usage_charges(code)) for code in codes), *(draw(adjustments(code)) for code in more)])


@st.composite
def worlds(draw):
    """Three accounts, two of them in one tree, on two plans and perhaps a contract."""
    plans = [draw(sold(charges_min=1)), draw(sold(charges_min=1))]
    contract = draw(sold(charges_min=0))
    customers = []
    for code, zone, below in (("acme", "Asia/Kolkata", None), ("acme-web", "Asia/Jakarta", "acme"), ("bolt", "UTC", None)):
        began, cut = draw(st.one_of(st.none(), st.integers(0, 20))), draw(st.integers(21, 80))
        changed = draw(st.booleans())
        segments = [Span(plans[0], began, cut if changed else None, began)]
        if changed:
            segments.append(Span(plans[draw(st.integers(0, 1))], cut, None, draw(st.sampled_from([began, cut]))))
        terms = []
        if draw(st.booleans()):
            start = draw(st.integers(0, 60))
            terms.append(Span(contract, start, draw(st.sampled_from([start + 15, None])), start))
        customers.append(Customer(code, zone, below, segments, terms))
    return customers


_seconds = st.decimals(min_value=0, max_value=40, places=2)
_events = st.tuples(
    st.sampled_from(["otp.delivered", "otp.delivered", "voice.call"]),
    st.sampled_from(["acme", "acme-web", "bolt"]),
    st.integers(0, DAYS * 24 - 1),
    st.sampled_from([Decimal(1), Decimal(1), Decimal("2.5"), Decimal("0.000001"), Decimal(17), Decimal(0)]),
    st.sampled_from(CHANNELS),
    st.sampled_from(COUNTRIES),
    st.sampled_from(["a", "b", "c", 1, Decimal("1.0"), "1"]),
    _seconds,
)


@st.composite
def usage(draw, at_least=0):
    """Events of three months; now and then a correction."""
    events = []
    for number, (kind, alias, hour, quantity, channel, country, recipient, seconds) in enumerate(
        draw(st.lists(_events, min_size=at_least, max_size=40))
    ):
        properties = {"channel": channel, "country": country, "number": recipient, "seconds": seconds}
        at = SEPTEMBER + timedelta(hours=hour)
        event = an_event(f"event-{number}", meter=kind, subject=alias, at=at, quantity=quantity, **properties)
        if draw(st.integers(0, 9)) == 0:
            event.quantity_millionths = -event.quantity_millionths
        events.append(event)
    return events
