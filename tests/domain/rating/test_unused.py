"""Months without usage: which price is due, for whom and when."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.catalogue import ContractTerm, Subscription
from domain.rating.places import TotalKey
from domain.rating.running import Total
from domain.rating.unused import costs_without_usage, unused_prices
from domain.rating.unused_books import BookedUnused, UnusedBooks, unused_parts
from tests.builders_rating import a_contract, a_plan, a_usage_charge, an_adjustment, with_terms
from tests.builders_usage import micros_of

INDIA = ZoneInfo("Asia/Kolkata")
NEXT_YEAR = datetime(2027, 6, 1, tzinfo=INDIA)


def flat(fee="500.00", **changes):
    return {"model": "graduated", "flat_at_zero": True, "tiers": [{"flat_fee": fee, "unit_price": "0.20"}], **changes}


def october(day, month=10):
    return datetime(2026, month, day, tzinfo=INDIA)


def on(plan, start, end, contracts=()):
    """A segment of a subscription."""
    return Subscription(plan, micros_of(start), micros_of(end))


def due(*segments, contracts=(), active=None, over=None, until=None):
    """What is due by the first of December: the month, charge and cell, when, and the amount."""
    account = with_terms(list(segments), contracts=contracts)
    account.time_zone = INDIA
    until = until or october(1, 12)
    found = unused_prices(account, active or [(october(1), None)], over=over, until=until)
    return [
        (
            f"{one.usage.total_key.service_month:%m}",
            one.charge.charge_id,
            one.usage.total_key.cell,
            one.due_at.astimezone(INDIA),
        )
        for one in found
        if one.due_at <= until
    ]


def test_each_month_is_due_when_it_has_ended():
    plan = a_plan(a_usage_charge(price=flat()))
    segment = on(plan, october(1), NEXT_YEAR)
    assert due(segment) == [("10", 1, "*", october(1, 11)), ("11", 1, "*", october(1, 12))]
    assert due(segment, until=datetime(2026, 11, 30, 18, 29, tzinfo=UTC)) == [("10", 1, "*", october(1, 11))]


def test_a_part_of_a_month_is_due_whole_as_the_first_unit_would_bring_the_fee_whole():
    plan = a_plan(a_usage_charge(price=flat()))
    began = october(25)
    assert due(on(plan, began, NEXT_YEAR), active=[(began, None)], until=october(1, 11)) == [("10", 1, "*", october(1, 11))]


def test_a_cancelled_subscription_is_due_when_it_ends():
    plan = a_plan(a_usage_charge(price=flat()))
    end = october(12)
    assert due(on(plan, october(1), end), active=[(october(1), end)], over=end) == [("10", 1, "*", end)]


def test_of_plans_that_follow_each_other_in_a_month_the_last_is_due():
    first = a_plan(a_usage_charge(price=flat()))
    second = a_plan(a_usage_charge(price=flat("900.00"), charge_id=2), plan_version_id=2)
    segments = on(first, october(1), october(16)), on(second, october(16), NEXT_YEAR)
    active = [(october(1), october(16)), (october(16), None)]
    assert due(*segments, active=active, until=october(1, 11)) == [("10", 2, "*", october(1, 11))]


def test_a_code_the_next_plan_has_no_more_is_due_of_the_plan_that_had_it():
    first = a_plan(a_usage_charge(price=flat()))
    second = a_plan(a_usage_charge("voice", charge_id=2), plan_version_id=2)
    segments = on(first, october(1), october(16)), on(second, october(16), NEXT_YEAR)
    active = [(october(1), october(16)), (october(16), None)]
    assert due(*segments, active=active) == [("10", 1, "*", october(1, 11))]


def test_a_price_of_the_same_code_without_a_fee_that_follows_leaves_nothing_due():
    first = a_plan(a_usage_charge(price=flat()))
    second = a_plan(a_usage_charge(charge_id=2), plan_version_id=2)
    segments = on(first, october(1), october(16)), on(second, october(16), NEXT_YEAR)
    assert due(*segments, active=[(october(1), None)]) == []


def test_the_time_of_a_pause_does_not_count():
    plan = a_plan(a_usage_charge(price=flat()))
    segment = on(plan, october(1), NEXT_YEAR)
    assert due(segment, active=[(october(1), october(20)), (october(10, 12), None)]) == [("10", 1, "*", october(1, 11))]


@pytest.mark.parametrize("applies_to", [None, ["otp"]])
def test_a_month_that_is_all_trial_is_not_due_and_one_that_is_partly_trial_is(applies_to):
    more = {} if applies_to is None else {"applies_to": applies_to}
    trial = an_adjustment("trial", days=45, **more)
    plan = a_plan(a_usage_charge(price=flat()), adjustments=[trial])
    assert due(on(plan, october(1), NEXT_YEAR)) == [("11", 1, "*", october(1, 12))]


def test_a_trial_of_something_else_does_not_free_it():
    trial = an_adjustment("trial", days=45, applies_to=["voice"])
    plan = a_plan(a_usage_charge(price=flat()), adjustments=[trial])
    assert [month for month, *_ in due(on(plan, october(1), NEXT_YEAR))] == ["10", "11"]


def test_the_price_of_a_contract_is_due_in_place_of_the_plans():
    plan = a_plan(a_usage_charge(price=flat()))
    contract = a_contract(a_usage_charge(price=flat("90.00"), charge_id=7))
    ends_in_november = ContractTerm(contract, micros_of(october(5)), micros_of(october(20, 11)))
    found = due(on(plan, october(1), NEXT_YEAR), contracts=[ends_in_november])
    assert [(month, charge) for month, charge, *_ in found] == [("10", 7), ("11", 1)]


def test_usage_under_an_offer_that_ends_within_the_month_has_a_total_of_its_own_and_the_later_one_is_due():
    offer = an_adjustment(code="launch", days=40)
    plan = a_plan(a_usage_charge(price=flat()), adjustments=[offer])
    assert [(month, cell) for month, _, cell, _ in due(on(plan, october(1), NEXT_YEAR))] == [
        ("10", "*//launch"),
        ("11", "*"),
    ]


@pytest.mark.parametrize(
    "changes", [{"reset": "year"}, {"shared": "account_tree"}, {"reset": "quarter", "applies_to": ["otp"]}]
)
def test_under_an_adjustment_that_goes_on_over_months_or_accounts_nothing_is_due(changes):
    plan = a_plan(a_usage_charge(price=flat()), adjustments=[an_adjustment("free_amount", **changes)])
    assert due(on(plan, october(1), NEXT_YEAR)) == []
    elsewhere = an_adjustment("free_amount", **{**changes, "applies_to": ["voice"]})
    plan = a_plan(a_usage_charge(price=flat()), adjustments=[elsewhere], plan_version_id=2)
    assert [month for month, *_ in due(on(plan, october(1), NEXT_YEAR))] == ["10", "11"]


@pytest.mark.parametrize(
    "changes",
    [
        {"price": {"model": "matrix", "dimensions": ["channel"], "rows": [flat()]}},
        {"price": flat(), "reset": "quarter"},
        {"price": flat(), "reset": "year"},
        {"price": flat(), "reset": "never"},
        {"price": flat(), "shared": "account_tree"},
        {"price": flat("0")},
        {"price": flat(flat_at_zero=False)},
        {"price": {"model": "percentage", "percent": "1", "fixed": "3.00"}},
    ],
)
def test_other_prices_cost_nothing_without_usage(changes):
    assert not costs_without_usage(a_usage_charge(**changes))


def test_what_is_booked_is_given_back_with_the_discount_on_it_when_it_is_not_due_any_more():
    plan = a_plan(a_usage_charge(price=flat()), adjustments=[an_adjustment()])
    account = with_terms([on(plan, october(1), NEXT_YEAR)])
    (one,) = list(unused_prices(account, [(october(1), None)], over=None, until=october(15)))
    first = unused_parts(account, [one], UnusedBooks())
    assert [(each.part.metered_millionths, each.part.amount_micros) for each in first] == [
        (0, 500_000_000),
        (500_000_000, -50_000_000),
    ]

    key, discount = one.usage.total_key, one.adjustments[0].total_key
    booked = {key: BookedUnused(one.charge, 500_000_000, [(plan.adjustments[0], discount)])}
    totals = {key: Total(0, 500_000_000), discount: Total(500_000_000, -50_000_000)}
    assert unused_parts(account, [one], UnusedBooks(totals, booked)) == []
    back = unused_parts(account, [], UnusedBooks(totals, booked))
    assert [(each.part.metered_millionths, each.part.amount_micros) for each in back] == [
        (0, -500_000_000),
        (-500_000_000, 50_000_000),
    ]
    used = {**totals, key: Total(3_000_000, 500_600_000, 1)}
    assert unused_parts(account, [], UnusedBooks(used, booked)) == []


def test_a_total_is_named_by_its_account_and_month():
    plan = a_plan(a_usage_charge(price=flat()))
    account = with_terms([on(plan, october(1), NEXT_YEAR)])
    account.time_zone = INDIA
    (one,) = unused_prices(account, [(october(1), None)], over=None, until=october(15))
    assert one.usage.total_key == TotalKey(account.account_id, date(2026, 10, 1), 1, "*")
