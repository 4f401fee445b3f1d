"""Spans of the plan in effect: subscriptions, contracts and the limits of adjustments laid over each other."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.catalogue import ContractTerm, Subscription, plan_spans
from domain.catalogue.plan_spans import DISTANT_FUTURE, DISTANT_PAST, EPOCH
from tests.builders_rating import a_contract, a_plan, a_usage_charge, an_adjustment
from tests.builders_usage import micros_of

KOLKATA = ZoneInfo("Asia/Kolkata")


def at(text):
    return micros_of(datetime.fromisoformat(text))


def shown(spans, what):
    """Start of each span in UTC and what is asked of its plan."""
    return [((EPOCH + timedelta(microseconds=span.start_micros)).isoformat()[:16], what(span.plan)) for span in spans]


def codes(plan):
    return [adjustment.code for adjustment in plan.adjustments]


def test_the_first_periods_are_service_months_of_the_account_beginning_with_the_one_it_starts_in():
    plan = a_plan(a_usage_charge(), adjustments=[an_adjustment(code="launch", periods=2)])
    spans = plan_spans([Subscription(plan, at("2026-10-20T12:00+05:30"), DISTANT_FUTURE)], time_zone=KOLKATA)
    assert shown(spans, codes) == [("2026-10-20T06:30", ["launch"]), ("2026-11-30T18:30", [])]


def test_trial_days_are_days_of_the_clock_on_the_wall():
    plan = a_plan(a_usage_charge(), adjustments=[an_adjustment("trial", days=7)])
    began = at("2026-10-28T12:00-04:00")
    spans = plan_spans([Subscription(plan, began, DISTANT_FUTURE)], time_zone=ZoneInfo("America/New_York"))
    assert shown(spans, codes) == [("2026-10-28T16:00", ["trial"]), ("2026-11-04T17:00", [])]


def test_what_is_limited_counts_from_the_subscriptions_beginning_and_not_from_its_latest_segment():
    plan = a_plan(a_usage_charge(), adjustments=[an_adjustment(code="launch", periods=1)])
    began, changed = at("2026-09-10T00:00+00:00"), at("2026-10-10T00:00+00:00")
    (span,) = plan_spans([Subscription(plan, changed, DISTANT_FUTURE, began)], time_zone=KOLKATA)
    assert codes(span.plan) == []
    assert codes(plan_spans([Subscription(plan, DISTANT_PAST, DISTANT_FUTURE)], time_zone=KOLKATA)[0].plan) == []


def test_a_contract_is_in_effect_within_its_term_and_the_stronger_before_the_weaker():
    plan = a_plan(a_usage_charge())
    weak, strong = a_contract(a_usage_charge(charge_id=7)), a_contract(a_usage_charge(charge_id=8), contract_id=2)
    spans = plan_spans(
        [Subscription(plan, at("2026-10-01T00:00+00:00"), DISTANT_FUTURE)],
        [
            ContractTerm(weak, at("2026-09-01T00:00+00:00"), at("2026-12-01T00:00+00:00"), priority=1),
            ContractTerm(strong, at("2026-11-01T00:00+00:00"), at("2026-11-15T00:00+00:00"), priority=5),
        ],
        time_zone=KOLKATA,
    )
    assert shown(spans, lambda plan: plan.charges["otp"].charge_id) == [
        ("2026-10-01T00:00", 7),
        ("2026-11-01T00:00", 8),
        ("2026-11-15T00:00", 7),
        ("2026-12-01T00:00", 1),
    ]


def test_what_a_contract_limits_counts_from_the_contracts_beginning():
    contract = a_contract(adjustments=[an_adjustment(code="loyal", periods=1)])
    terms = [ContractTerm(contract, at("2026-11-10T00:00+05:30"), DISTANT_FUTURE)]
    spans = plan_spans([Subscription(a_plan(a_usage_charge()), DISTANT_PAST, DISTANT_FUTURE)], terms, time_zone=KOLKATA)
    assert [codes(span.plan) for span in spans] == [[], ["loyal"], []]


def test_accounts_on_the_same_terms_share_one_plan_in_effect():
    plan = a_plan(a_usage_charge())
    subscriptions = [Subscription(plan, DISTANT_PAST, DISTANT_FUTURE)]
    assert plan_spans(subscriptions, time_zone=KOLKATA)[0].plan is plan_spans(subscriptions, time_zone=KOLKATA)[0].plan
