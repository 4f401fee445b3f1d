"""Discounts never exceed (issue 5): what is used never comes to less than nothing, whatever plans and contracts take off."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue.discounts import clashes
from domain.contracts import read_contract
from domain.errors import Invalid
from domain.plans import read_plan
from invoicing.recompute.adjusting import adjust
from invoicing.recompute.positions import recompute_totals
from invoicing.recompute.spans import slots_for
from tests.builders_usage import an_event
from tests.laws import price_documents
from tests.laws.catalogues import CODES, DAYS, METERS, SEPTEMBER, Customer, Sold, Span
from tests.laws.two_raters import METER_FACTS, Catalogue, rated_by_the_first
from tests.memory_usage import MemoryUsage

MONTHS = [date(2026, month, 1) for month in (8, 9, 10, 11, 12)]
_AMOUNTS = {"percentage": "percent", "free_amount": "amount", "maximum": "amount"}


def a_charge(code, price):
    common = {"description": code, "sac": "998319", "unit": "message"}
    return {"code": code, "kind": "usage", "meters": ["otp"], "price": price, **common}


def a_discount(code, kind, much, applies_to=None, days=None):
    named = {"applies_to": applies_to, "days": days}
    document = {"code": code, "kind": kind, "description": code, "sac": "998319", _AMOUNTS.get(kind, ""): much}
    return {name: value for name, value in {**document, **named}.items() if value is not None and name}


discounts = st.builds(
    a_discount,
    st.sampled_from(["launch", "loyal", "cap", "bulk"]),
    st.sampled_from(["percentage", "percentage", "free_amount", "maximum"]),
    st.sampled_from(["10", "33.333333", "50", "100"]),
    st.none() | st.lists(st.sampled_from(CODES), min_size=1, unique=True),
    st.sampled_from([None, None, 10, 40]),
)
several = st.lists(discounts, max_size=3, unique_by=lambda one: one["code"])
charges = st.lists(st.sampled_from(CODES), unique=True).flatmap(
    lambda codes: st.tuples(*(st.builds(a_charge, st.just(code), price_documents.of_totals) for code in codes))
)
plans = st.builds(lambda used, off: Sold([*used, *off]), charges.filter(len), several)
contracts = st.builds(lambda used, off: Sold([*used, *off]), charges, several)


used = st.lists(
    st.tuples(st.integers(0, DAYS * 24 - 1), st.sampled_from([Decimal(1), Decimal("0.000001"), Decimal(17), Decimal(60)])),
    min_size=1,
    max_size=12,
).map(lambda drawn: [an_event_of(number, hour, quantity) for number, (hour, quantity) in enumerate(drawn)])


def an_event_of(number, hour, quantity):
    return an_event(
        f"event-{number}", subject="acme", at=SEPTEMBER + timedelta(hours=hour), quantity=quantity, channel="sms"
    )


@st.composite
def customers(draw):
    """Two plans that follow each other, and contracts over them, of which each may be the first or the stronger."""
    cut = draw(st.integers(0, 80))
    segments = [Span(draw(plans), 0, cut or None, 0), *([Span(draw(plans), cut, None, cut)] if cut else [])]
    terms = []
    for number in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, 60))
        terms.append(Span(draw(contracts), start, draw(st.sampled_from([start + 15, None])), start, number))
    return Customer("acme", "Asia/Kolkata", None, segments, terms)


def is_sold(customer):
    """Whether each document would be published or written, and nothing refuse what they come to together."""
    documents = [("plan", span.sold) for span in customer.plans] + [("contract", span.sold) for span in customer.contracts]
    try:
        for kind, sold in documents:
            read(kind, sold)
    except Invalid:
        return False
    (account,) = Catalogue([customer]).config().accounts.values()
    return not clashes(account.spans())


def read(kind, sold):
    usage = [one for one in sold.charges if one["kind"] == "usage"]
    off = [one for one in sold.charges if one["kind"] != "usage"]
    named = {"charges": usage, "adjustments": off, "meters": [dict(meter) for meter in METERS]}
    document = {"code": kind, "currency": "INR", **{name: value for name, value in named.items() if value}}
    if kind == "plan":
        return read_plan({"name": kind, **document})
    return read_contract({**document, "account": "acme", "from": "2026-09-01T00:00:00Z"}, priced=CODES)


def exceeded(customer, totals):
    """The months in which more was taken off than there was. Each percentage is rounded to a micro by itself."""
    sums, slack = {}, {}
    percentages = {
        number
        for charges in Catalogue([customer]).facts()[0].plans
        for charge in charges.charges
        for number in [charge.charge_id]
        if charge.document["kind"] == "percentage"
    }
    for key, total in totals.items():
        month = key.service_month
        sums[month] = sums.get(month, 0) + total.amount_micros
        slack[month] = slack.get(month, 0) + (key.charge_id in percentages)
    return {month: micros for month, micros in sums.items() if 2 * micros < -slack[month]}


def recomputed(catalogue, rated, booked):
    slots = slots_for(catalogue.facts(), MONTHS, METER_FACTS)
    with MemoryUsage(rated).reading(slots.slots, slots.telling()) as usage:
        result = recompute_totals(usage, slots.legend, [told.property for told in slots.telling()])
    adjust(result, booked.totals)
    return result.totals


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(customers(), used)
def test_whatever_is_sold_together_never_makes_usage_cost_less_than_nothing(customer, events):
    if not is_sold(customer):
        return
    catalogue = Catalogue([customer])
    rated, booked = rated_by_the_first(events, catalogue.config(), cuts=[])
    assert exceeded(customer, booked.totals) == {}
    assert exceeded(customer, recomputed(catalogue, rated, booked)) == {}


def test_a_plan_and_a_contract_that_would_exceed_together_are_each_right_and_not_sold_to_one():
    plan = Sold([a_charge("alpha", {"model": "per_unit", "unit_price": "1"}), a_discount("cap", "maximum", "0", ["alpha"])])
    contract = Sold([a_discount("loyal", "percentage", "50")])
    customer = Customer("acme", "UTC", None, [Span(plan, 0, None, 0)], [Span(contract, 0, None, 0)])
    assert read("plan", plan).adjustments
    assert read("contract", contract).prices.adjustments
    assert not is_sold(customer)
    _, booked = rated_by_the_first([an_event_of(0, 9, 1)], Catalogue([customer]).config(), cuts=[])
    assert exceeded(customer, booked.totals) == {date(2026, 9, 1): -500_000}
