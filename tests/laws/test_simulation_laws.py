"""The law of the what-if: summed up and priced at once, usage comes to what rating it event by event comes to."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings

from domain.attribution import DISTANT_FUTURE
from domain.catalogue import Subscription
from domain.errors import Invalid
from domain.fee_terms import NO_TERMS, FeeSegment
from domain.period import BillingMonth
from domain.plans import read_plan
from domain.rating.places import place_of
from domain.rating.running import RunningTotals
from domain.rating.unused import unused_prices
from domain.rating.usage import measured
from invoicing.fee_ports import FeeAccount
from invoicing.simulate_fees import Months, fees_of
from invoicing.simulate_plan import Chosen, simulate_plan
from tests.books import NOVEMBER_2
from tests.builders_usage import a_received_event, micros_of
from tests.laws import catalogues
from tests.laws.fee_worlds import fee_worlds, nows
from tests.laws.two_raters import METERS_BY_CODE, Catalogue
from tests.memory_usage import MemoryUsage

FIRST, LAST = BillingMonth(2026, 9), BillingMonth(2026, 12)


class MemoryPast:
    """Accounts of a generated catalogue, whose usage was booked for nothing."""

    def __init__(self, config, events):
        self.config = config
        self._events = events

    @contextmanager
    def open(self):
        yield self

    def meters(self):
        return METERS_BY_CODE

    def subscribed(self, plan_code):
        return list(self.config.accounts)

    def booked(self, account_ids, first, last):
        return dict.fromkeys(account_ids, 0)

    def fees(self, account_ids):
        return [an_active_account(account_id, self.config) for account_id in account_ids]

    def usage(self, slots, telling):
        return MemoryUsage(self._events).reading(slots, telling)


def an_active_account(account_id, config):
    """One whose subscription began before the months and was never paused."""
    began = FIRST.span(config.accounts[account_id].time_zone).start
    segment = FeeSegment(1, began, began, None, paused=False, terms=NO_TERMS)
    return FeeAccount(account_id, "", config.accounts[account_id].time_zone, [segment], [], {}, [])


def publishable(charge, adjustments):
    """Without what publication refuses: a flat fee without usage where a price or adjustment is of more than a month."""
    wide = charge["price"]["model"] == "matrix" or any({"reset", "shared"} & one.keys() for one in (charge, *adjustments))
    rows = {"rows": [without_flat(row) for row in charge["price"]["rows"]]} if "rows" in charge["price"] else {}
    return {**charge, "price": {**without_flat(charge["price"]), **rows}} if wide else charge


def without_flat(price):
    return {name: value for name, value in price.items() if name != "flat_at_zero"}


def a_document(sold):
    """A plan document of generated charges."""
    adjustments = [{**charge} for charge in sold.charges if charge["kind"] != "usage"]
    usage = [publishable(charge, adjustments) for charge in sold.charges if charge["kind"] == "usage"]
    codes = {charge["code"] for charge in usage}
    for adjustment in adjustments:
        if "applies_to" in adjustment:
            adjustment["applies_to"] = [code for code in adjustment["applies_to"] if code in codes] or sorted(codes)
    more = {"adjustments": adjustments} if adjustments else {}
    return {"code": "candidate", "name": "Candidate", "currency": "INR", "charges": usage, **more}


def is_published(document):
    """Whether publication takes it: discounts that could exceed are refused."""
    try:
        read_plan(document, published=METERS_BY_CODE)
    except Invalid:
        return False
    return True


def event_by_event(document, config, events, *, codes):
    """What the functions of the worker make of the events of these accounts, in the order of time, account by account."""
    plan = read_plan(document, published=METERS_BY_CODE)
    running, unpriced = RunningTotals(), Counter()
    accounts = {}
    for account in (account for account in config.accounts.values() if account.code in codes):
        start = micros_of(FIRST.span(account.time_zone).start)
        accounts[account.account_id] = account.on((Subscription(plan.version(), start, DISTANT_FUTURE),))
    for event in sorted(events, key=lambda event: event.time_micros):
        account = accounts[config.account_at(event.subject, event.time_micros).account_id]
        rates = account.plan_at(event.time_micros).rates_for(event.meter, event.properties)
        if rates is None:
            unpriced[event.meter] += 1
        else:
            place = place_of(account, rates, time_micros=event.time_micros)
            running.rate(measured(a_received_event(event), place))
    for account in accounts.values():
        began = FIRST.span(account.time_zone).start
        for one in unused_prices(account, [(began, None)], over=None, until=NOVEMBER_2):
            if one.due_at <= NOVEMBER_2 and not running.events_in(one.usage.total_key):
                running.bring(one.usage, one.adjustments, one.usage.amount_micros(0))
    amounts = Counter()
    for key, total in running.added.items():
        amounts[accounts[key.account_id].code] += total.amount_micros
    return amounts, unpriced


@given(fee_worlds(), nows)
def test_fees_under_the_terms_an_account_is_on_anyway_come_to_what_they_come_to(world, now):
    world = world._replace(segments=[each._replace(sold=0) for each in world.segments if each.began is not None])
    account = world.for_the_first({})
    terms = account.segments[0].terms if account.segments else NO_TERMS

    old, new = fees_of(account, Months(BillingMonth(2026, 2), BillingMonth(2026, 8)), terms, usage=account.usage, now=now)

    assert new == old


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(catalogues.worlds(), catalogues.usage(), catalogues.sold(charges_min=1))
def test_a_plan_simulated_on_sums_comes_to_what_it_would_have_come_to_event_by_event(customers, events, sold):
    config = Catalogue(customers).config()
    usage = [replace(event, quantity_millionths=abs(event.quantity_millionths)) for event in events]
    document = a_document(sold)
    assume(is_published(document))

    found = simulate_plan(document, Chosen(FIRST, LAST), room=MemoryPast(config, usage), now=NOVEMBER_2)

    # Whose contract could take off more than there is together with the plan is left out.
    codes = {account.code for account in config.accounts.values()} - found.left_out.keys()
    usage = [event for event in usage if event.subject in codes]
    amounts, unpriced = event_by_event(document, config, usage, codes=codes)
    assert found.unpriced == unpriced
    assert found.total().events == len(usage)
    # How a price that a tree shares falls on its accounts follows the order of events, and adjustments follow that.
    contracts = [span.sold for customer in customers for span in customer.contracts]
    if not any(charge.get("shared") == "account_tree" for each in (sold, *contracts) for charge in each.charges):
        assert {each.account: each.new_micros for each in found.accounts} == {code: amounts[code] for code in codes}
