"""What docs/subscriptions.md says by example is so; and examples of other systems' documentation come out as they say."""

import re
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import yaml

from connectors.settings import PROJECT_ROOT
from domain.billing_cycle import Anchor, BillingCycle, Interval
from domain.contracts import read_contract
from domain.fee_terms import FeeSpan, RecurringFee
from domain.fees import fees_until

PAGE = (PROJECT_ROOT / "docs" / "subscriptions.md").read_text()
KOLKATA = ZoneInfo("Asia/Kolkata")


def at(text, zone=KOLKATA):
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def a_span(start, end, *fees, paused=False, zone=KOLKATA):
    return FeeSpan(1, at(start, zone), at(start, zone), end and at(end, zone), paused, {fee.code: fee for fee in fees})


def paid(spans, *, until="2026-10-31", zone=KOLKATA):
    """What each charge came to in currency units, for periods that begin before an instant."""
    sums = {}
    for key, total in fees_until(at(until, zone), spans, time_zone=zone, spent=lambda *_: 0).items():
        sums[key.charge_id] = sums.get(key.charge_id, 0) + total.amount_micros
    return {charge_id: micros / 1_000_000 for charge_id, micros in sums.items()}


def test_the_contract_of_the_page_is_one_that_would_be_written():
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    contract = read_contract(yaml.safe_load(block), priced={"magic_link.delivered"})
    assert (contract.code, contract.priority, contract.payment_term_days) == ("acme-2026", 10, 45)
    assert len(list(contract.prices.rows())) == 3


def test_the_examples_of_the_page_come_to_what_it_says():
    fee, dearer = RecurringFee(1, "platform", 310_000_000), RecurringFee(2, "platform", 620_000_000)
    whole, dearer_whole = (RecurringFee(one.charge_id, one.code, one.amount_micros, prorate=False) for one in (fee, dearer))
    assert paid([a_span("2026-10-22", None, fee)]) == {1: 100}
    assert paid([a_span("2026-10-01", "2026-10-11", fee)])[1] - 310 == -210
    rested = [a_span("2026-10-01", "2026-10-11", fee), a_span("2026-10-21", None, fee)]
    assert paid(rested) == {1: 210}
    assert paid([a_span("2026-10-01", "2026-10-11", fee), a_span("2026-10-11", None, dearer)]) == {1: 100, 2: 420}
    changed = [a_span("2026-10-01", "2026-10-11", whole), a_span("2026-10-11", None, dearer_whole)]
    assert paid(changed) == {1: 310}
    assert paid(changed, until="2026-11-01") == {1: 310, 2: 620}
    for text in ("₹100.00 |", "−₹210.00 |", "₹210.00 |", "₹100.00 and ₹420.00 |", "₹310.00, by the plan"):
        assert f"| {text}" in PAGE


@pytest.mark.parametrize(
    ("old", "new", "change", "credit", "debit"),
    [
        # docs.stripe.com/billing/subscriptions/prorations: 10 to 20 USD halfway through the period: -5 and +10.
        (10, 20, "2026-11-16", -5, 10),
        # docs.useautumn.com/documentation/modelling-pricing/proration: 20 to 50 USD halfway: 15 in all.
        (20, 50, "2026-11-16", -10, 25),
        # developer.samsung.com/iap/subscription-guide: 30 to 60 USD after 15 of 30 days: 15 extra.
        (30, 60, "2026-11-16", -15, 30),
    ],
)
def test_an_upgrade_halfway_through_a_period_costs_what_other_systems_say_it_does(old, new, change, credit, debit):
    before = RecurringFee(1, "seat", old * 1_000_000)
    after = RecurringFee(2, "seat", new * 1_000_000)
    utc = ZoneInfo("UTC")
    spans = [a_span("2026-11-01", change, before, zone=utc), a_span(change, None, after, zone=utc)]
    assert paid(spans, until="2026-11-30", zone=utc) == {1: old + credit, 2: debit}


def test_a_subscription_of_31_january_is_billed_on_the_days_that_stripes_documentation_names():
    """docs.stripe.com/billing/subscriptions/billing-cycle: 28 or 29 February, then 31 March, 30 April, and so on."""
    cycle = BillingCycle.of(Interval.MONTH, Anchor.ANNIVERSARY, began_at=at("2027-01-31T10:00"), time_zone=KOLKATA)
    days = [cycle.period(number).start.astimezone(KOLKATA).date() for number in range(1, 14)]
    assert days[:3] == [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]
    assert days[-1] == date(2028, 2, 29)
    assert all(one < two for one, two in pairwise(days))
