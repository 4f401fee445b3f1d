"""The laws of periods without usage: both raters agree, whatever comes first, and what is not due any more is given back."""

from datetime import date, timedelta

from hypothesis import HealthCheck, assume, given, settings, target
from hypothesis import strategies as st

from domain.errors import IllegalTransition
from invoicing.recompute.adjusting import adjust
from invoicing.recompute.compare import differences
from invoicing.recompute.positions import recompute_totals
from invoicing.recompute.spans import TermsReader, slots_for
from invoicing.recompute.unused import unused_months
from tests.laws import catalogues
from tests.laws.accruals import MemoryBooks, facts_of
from tests.laws.catalogues import SEPTEMBER
from tests.laws.two_raters import METER_FACTS, Catalogue
from tests.memory_usage import MemoryUsage

MONTHS = [date(2026, month, 1) for month in (8, 9, 10, 11, 12)]
nows = st.integers(0, 130).map(lambda days: SEPTEMBER + timedelta(days=days))
LAST = SEPTEMBER + timedelta(days=130)
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


def second_rater_differs(catalogue, books, *, paused, now=LAST):
    """Where the second rater comes to other numbers than the books."""
    accounts = facts_of(catalogue.facts(), paused=paused)
    booked = books.for_the_second()
    reader = TermsReader(METER_FACTS)
    unused = [each for account in accounts for each in unused_months(account, MONTHS, reader, now=now)]
    slots = slots_for(accounts, MONTHS, METER_FACTS)
    names = [told.property for told in slots.telling()]
    with MemoryUsage(books.rated).reading(slots.slots, slots.telling()) as usage:
        recomputed = recompute_totals(usage, slots.legend, names, unused=unused)
    adjust(recomputed, booked.totals)
    return list(differences(recomputed, booked))


@slow
@given(catalogues.worlds(), catalogues.usage(), st.lists(st.tuples(st.integers(0, 40), nows), max_size=4), st.booleans())
def test_both_raters_agree_whether_usage_or_the_end_of_its_month_came_first(customers, events, cuts, paused):
    catalogue, books = Catalogue(customers), MemoryBooks()
    config = catalogue.config()
    start, booked = 0, 0
    for cut, now in [*sorted(cuts), (len(events), LAST)]:
        books.rate(events[start:cut], config)
        booked += len(books.accrue(config, customers, paused, now=now))
        start = max(start, cut)
    books.accrue(config, customers, paused, now=LAST)
    target(booked, label="parts booked of months without usage")
    assert books.accrue(config, customers, paused, now=LAST) == []
    assert second_rater_differs(catalogue, books, paused=paused) == []


def test_an_adjustment_on_nothing_is_given_back_when_what_it_is_on_has_become_something():
    """A cap counts what the free amount took off, which moves when what took it before is given back."""
    tiers = {"model": "graduated", "flat_at_zero": True, "tiers": [{"flat_fee": "100", "unit_price": "1"}]}
    common = {"sac": "998319", "unit": "message", "description": "OTP"}
    charge = {"code": "alpha", "kind": "usage", "meters": ["otp"], "price": tiers, **common}
    free = {"code": "loyal", "kind": "free_amount", "amount": "150", "description": "Free"}
    cap = {"code": "cap", "kind": "maximum", "amount": "500", "description": "Cap"}
    sold = catalogues.Sold([charge, {**charge, "code": "beta"}, free, cap])
    customers = [catalogues.Customer("acme", "UTC", None, [catalogues.Span(sold, 0, None, 0)], [])]
    catalogue, books = Catalogue(customers), MemoryBooks()
    config = catalogue.config()
    for days in (61, 31, 61, 0, 95):
        books.accrue(config, customers, paused=False, now=SEPTEMBER + timedelta(days=days))
    assert second_rater_differs(catalogue, books, paused=False, now=SEPTEMBER + timedelta(days=95)) == []


@slow
@given(catalogues.worlds(), catalogues.usage(), st.integers(0, 40), nows, st.integers(1, 90), st.booleans())
def test_after_a_back_dated_change_months_without_usage_are_booked_and_given_back(customers, events, cut, now, day, ends):
    catalogue, books = Catalogue(customers), MemoryBooks()
    before = catalogue.config()
    books.rate(events[:cut], before)
    books.accrue(before, customers, paused=False, now=now)
    books.rate(events[cut:], before)
    catalogue.customers = [changed(customer, day, ends=ends) for customer in customers]
    after = catalogue.config()
    try:
        books.rerate(after)
    except IllegalTransition:
        assume(False)
    given_back = sum(one.part.amount_micros < 0 for one in books.accrue(after, catalogue.customers, paused=False, now=LAST))
    target(given_back, label="parts given back")
    assert books.accrue(after, catalogue.customers, paused=False, now=LAST) == []
    assert second_rater_differs(catalogue, books, paused=False) == []


def changed(customer, day, *, ends):
    """The account without its contracts, on its first plan until a day, or on its last from then on."""
    first, last = customer.plans[0], customer.plans[-1]
    began = first.start if first.start is not None and first.start < day else None
    plans = [first._replace(start=began, since=began, end=day)]
    if not ends:
        plans.append(last._replace(start=day, since=began, end=None))
    return customer._replace(plans=plans, contracts=[])
