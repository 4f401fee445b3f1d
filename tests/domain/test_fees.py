"""What fees come to: recurring ones, one-time ones, commitments; changes, pauses and trials included."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing_cycle import Anchor, Interval
from domain.fee_terms import Billed, Commitment, FeeSpan, OneTimeFee, RecurringFee
from domain.fees import FeeKey, fees_until

KOLKATA = ZoneInfo("Asia/Kolkata")
PLATFORM = RecurringFee(1, "platform", 310_000_000)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=KOLKATA).astimezone(UTC)


def a_span(start="2026-10-01", end=None, *fees, subscription=1, began=None, paused=False):
    fees = fees or (PLATFORM,)
    return FeeSpan(subscription, at(began or start), at(start), end and at(end), paused, {fee.code: fee for fee in fees})


def nothing_spent(period, counts):
    return 0


def fees(now, *spans, spent=nothing_spent):
    found = fees_until(at(now), spans, time_zone=KOLKATA, spent=spent)
    return {(str(key.service_month)[:7], key.charge_id, key.price_cell): total.amount_micros for key, total in found.items()}


OCTOBER, NOVEMBER = "2026-10-01/2026-11-01", "2026-11-01/2026-12-01"


def test_a_fee_in_advance_is_due_when_its_period_begins_and_goes_on_the_invoice_of_the_month_before():
    assert fees("2026-10-31T23:59", a_span()) == {("2026-09", 1, OCTOBER): 310_000_000}
    assert fees("2026-11-01", a_span())[("2026-10", 1, NOVEMBER)] == 310_000_000


def test_a_fee_in_arrears_is_due_when_its_period_has_ended_and_goes_on_the_invoice_of_that_month():
    fee = RecurringFee(1, "platform", 310_000_000, billed=Billed.IN_ARREARS)
    assert fees("2026-10-31", a_span("2026-10-01", None, fee)) == {}
    assert fees("2026-11-01", a_span("2026-10-01", None, fee)) == {("2026-10", 1, OCTOBER): 310_000_000}


def test_a_subscription_that_begins_within_a_period_pays_its_share_at_once():
    assert fees("2026-10-22", a_span("2026-10-22")) == {("2026-10", 1, OCTOBER): 100_000_000}


def test_a_cancelled_subscription_pays_for_the_time_it_ran():
    assert fees("2026-12-01", a_span("2026-10-01", "2026-11-16"))[("2026-10", 1, NOVEMBER)] == 155_000_000


def test_without_proration_a_period_is_paid_whole_once_and_by_the_plan_it_began_with():
    old = RecurringFee(1, "platform", 310_000_000, prorate=False)
    new = RecurringFee(2, "platform", 620_000_000, prorate=False)
    assert fees("2026-10-31", a_span("2026-10-05", "2026-10-10", old), a_span("2026-10-10", None, new)) == {
        ("2026-10", 1, OCTOBER): 310_000_000
    }
    assert (
        fees("2026-11-01", a_span("2026-10-05", "2026-10-10", old), a_span("2026-10-10", None, new))[
            ("2026-10", 2, NOVEMBER)
        ]
        == 620_000_000
    )


def test_without_proration_a_fee_that_comes_with_another_plan_is_paid_whole_though_the_period_had_begun_without_one():
    whole = RecurringFee(2, "platform", 620_000_000, prorate=False)
    free, paid = a_span("2026-10-01")._replace(end=at("2026-10-10"), fees={}), a_span("2026-10-10", None, whole)
    assert fees("2026-10-31", free, paid) == {("2026-10", 2, OCTOBER): 620_000_000}


def test_a_change_of_plan_splits_the_period_between_the_two_prices():
    dearer = RecurringFee(2, "platform", 620_000_000)
    assert fees(
        "2026-10-31", a_span("2026-10-01", "2026-10-11"), a_span("2026-10-11", None, dearer, began="2026-10-01")
    ) == {
        ("2026-09", 1, OCTOBER): 100_000_000,
        ("2026-10", 2, OCTOBER): 420_000_000,
    }


def test_a_pause_is_free():
    spans = (
        a_span("2026-10-01", "2026-10-11"),
        a_span("2026-10-11", "2026-10-21", began="2026-10-01", paused=True),
        a_span("2026-10-21", None, began="2026-10-01"),
    )
    assert sum(fees("2026-10-31", *spans).values()) == 210_000_000


def test_an_anniversary_fee_is_due_on_its_day():
    fee = RecurringFee(1, "platform", 310_000_000, anchor=Anchor.ANNIVERSARY)
    assert fees("2027-03-30", a_span("2027-01-31", None, fee)) == {
        ("2027-01", 1, "2027-01-31/2027-02-28"): 310_000_000,
        ("2027-02", 1, "2027-02-28/2027-03-31"): 310_000_000,
    }


def test_a_one_time_fee_is_paid_once_in_a_subscription_however_its_plan_changes():
    setup, later = OneTimeFee(1, "setup", 5_000_000_000), OneTimeFee(2, "setup", 9_000_000_000)
    spans = (a_span("2026-10-05", "2026-11-01", setup), a_span("2026-11-01", None, later, began="2026-10-05"))
    assert fees("2027-01-01", *spans) == {("2026-10", 1, "once"): 5_000_000_000}


def test_a_one_time_fee_of_a_subscription_that_begins_with_a_month_is_on_the_invoice_of_that_month():
    setup = OneTimeFee(1, "setup", 5_000_000_000)
    assert fees("2026-10-31", a_span("2026-10-01", None, setup)) == {("2026-10", 1, "once"): 5_000_000_000}


def test_another_subscription_pays_its_own_one_time_fee():
    setup = OneTimeFee(1, "setup", 5_000_000_000)
    spans = (a_span("2026-10-05", "2026-10-06", setup), a_span("2026-10-07", None, setup, subscription=2))
    assert fees("2026-10-31", *spans) == {("2026-10", 1, "once"): 10_000_000_000}


def test_a_commitment_makes_up_what_usage_lacks_when_the_month_is_over():
    minimum = Commitment(1, "minimum", 10_000_000_000)
    span = a_span("2026-10-01", None, minimum)

    def spent(period, counts):
        return 7_500_000_000 if period.start == at("2026-10-01") else 99_000_000_000

    assert fees("2026-10-31", span, spent=spent) == {}
    assert fees("2026-11-01", span, spent=spent) == {("2026-10", 1, OCTOBER): 2_500_000_000}
    assert ("2026-11", 1, NOVEMBER) not in fees("2026-12-01", span, spent=spent)


def test_commitments_of_a_changed_plan_share_what_was_used():
    spans = (
        a_span("2026-11-01", "2026-11-16", Commitment(1, "minimum", 10_000_000_000)),
        a_span("2026-11-16", None, Commitment(2, "minimum", 30_000_000_000), began="2026-11-01"),
    )
    both = fees("2026-12-01", *spans, spent=lambda period, counts: 8_000_000_000)
    assert both == {("2026-11", 2, NOVEMBER): 12_000_000_000}


def test_a_fee_a_commitment_counts_by_code_fills_it_in_the_month_the_fee_is_for():
    minimum = Commitment(2, "minimum", 1_000_000_000, counts=frozenset({"otp", "platform"}))
    span = a_span("2026-10-01", None, PLATFORM, minimum)
    due = fees("2026-12-01", span, spent=lambda period, counts: 90_000_000)
    assert [due["2026-10", 2, OCTOBER], due["2026-11", 2, NOVEMBER]] == [600_000_000, 600_000_000]
    usage_only = Commitment(2, "minimum", 1_000_000_000)
    due = fees("2026-11-01", a_span("2026-10-01", None, PLATFORM, usage_only), spent=lambda *_: 90_000_000)
    assert due["2026-10", 2, OCTOBER] == 910_000_000


def test_a_commitment_asks_only_for_the_charges_it_counts():
    asked = []
    fees(
        "2026-11-01",
        a_span("2026-10-01", None, Commitment(1, "minimum", 1, counts=frozenset({"otp"}))),
        spent=lambda period, counts: asked.append(counts) or 0,
    )
    assert asked == [frozenset({"otp"})]


@given(
    cuts=st.lists(st.integers(1, 91), max_size=6),
    amount=st.integers(0, 10**12),
    every=st.sampled_from(Interval),
    anchor=st.sampled_from(Anchor),
    billed=st.sampled_from(Billed),
)
def test_a_subscription_costs_the_same_in_one_segment_or_in_many(cuts, amount, every, anchor, billed):
    fee = RecurringFee(1, "platform", amount, every, billed, anchor)
    start = at("2026-10-05")
    edges = [start, *(start + timedelta(days=cut) for cut in sorted(set(cuts))), None]
    spans = [FeeSpan(1, start, begins, ends, False, {"platform": fee}) for begins, ends in itertools.pairwise(edges)]
    now = at("2028-01-01")
    whole = fees_until(now, [spans[0]._replace(end=None)], time_zone=KOLKATA, spent=nothing_spent)
    assert fees_until(now, spans, time_zone=KOLKATA, spent=nothing_spent) == whole


@given(days=st.integers(1, 60), amount=st.integers(0, 10**12))
def test_what_a_cancelled_and_a_new_subscription_pay_is_what_one_would_have_paid(days, amount):
    fee = RecurringFee(1, "platform", amount)
    middle = at("2026-10-01") + timedelta(days=days)
    one = a_span("2026-10-01", None, fee)
    two = (one._replace(end=middle), one._replace(subscription_id=2, began_at=middle, start=middle))
    now = at("2027-02-01")
    totals = [fees_until(now, spans, time_zone=KOLKATA, spent=nothing_spent) for spans in ([one], two)]
    assert sum(total.amount_micros for total in totals[0].values()) == sum(
        total.amount_micros for total in totals[1].values()
    )


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Jakarta", "America/New_York"])
def test_a_month_is_the_accounts_month(zone):
    time_zone = ZoneInfo(zone)
    start = datetime(2026, 10, 1, tzinfo=time_zone).astimezone(UTC)
    span = FeeSpan(1, start, start, None, False, {"platform": PLATFORM})
    due = fees_until(start, [span], time_zone=time_zone, spent=nothing_spent)
    assert list(due) == [FeeKey(date(2026, 9, 1), 1, OCTOBER)]
