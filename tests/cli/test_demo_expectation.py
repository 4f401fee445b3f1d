"""What the demonstration expects of the books: discounts, caps and fees by month, worked out by hand here."""

import pytest

from cli.demonstration.expectation import Expectation, UsageKey, Used

PLAN = {
    "charges": [
        {"meter": "otp", "price": {"model": "per_unit", "unit_price": "2.00"}},
        {"meter": "call", "price": {"model": "per_unit", "unit_price": "1.00"}},
        {"code": "fee", "kind": "recurring", "amount": "5.00", "every": "month", "billed": "in_arrears"},
        {"code": "least", "kind": "commitment", "minimum": "30.00", "every": "month"},
    ],
    "adjustments": [
        {"code": "cap", "kind": "maximum", "amount": "40.00"},
        {"code": "launch", "kind": "percentage", "percent": "10", "applies_to": ["otp"], "periods": 3},
    ],
}
OCTOBER = "2026-10-01/2026-11-01"


def charged(*, otp=0, calls=0, before=None, since="2026-10"):
    """What one account comes to in October, by charge and price: units and currency units, whole."""
    expectation = Expectation({"plan": PLAN}, "2026-10")
    for event_type, quantity in (("otp", otp), ("call", calls)):
        if quantity:
            event = {"type": event_type, "data": {}}
            expectation.good("acme", "plan", event, quantity_millionths=quantity * 1_000_000, known=True)
    return expectation.charged(before or {}, {"acme": since})


def amounts(totals):
    return {(key.month, key.charge, key.price): used.amount_micros / 1_000_000 for key, used in totals.items()}


def test_the_launch_offer_has_totals_of_its_own_and_the_minimum_what_lacks():
    assert amounts(charged(otp=5, calls=1)) == {
        ("2026-10", "otp", "*//launch"): 10,
        ("2026-10", "call", "*"): 1,
        ("2026-10", "launch", "launch"): -1,
        ("2026-10", "cap", "cap"): 0,
        ("2026-10", "fee", OCTOBER): 5,
        ("2026-10", "least", OCTOBER): 20,
    }


def test_the_cap_is_on_what_all_usage_came_to_whatever_else_was_taken_off_part_of_it():
    """The launch offer is on OTPs only and the cap on all usage, so the cap is made on what the offer left."""
    totals = charged(otp=20, calls=10)
    assert amounts(totals)["2026-10", "cap", "cap"] == -6
    assert totals[UsageKey("acme", "2026-10", "cap", "cap")] == Used(46_000_000, 0, -6_000_000)


def test_a_minimum_that_is_reached_has_no_total_and_one_that_lacked_before_stands_as_nothing():
    least = UsageKey("acme", "2026-10", "least", OCTOBER)
    assert least not in charged(otp=20)
    assert charged(otp=20, before={least: Used(1_000_000, 0, 30_000_000)})[least] == Used()


@pytest.mark.parametrize(
    ("since", "price"), [("2026-08", "*//launch"), ("2026-07", "*"), ("2025-12", "*"), (None, "*//launch")]
)
def test_the_launch_offer_is_over_after_three_months(since, price):
    assert ("2026-10", "otp", price) in amounts(charged(otp=1, since=since))


def test_fees_are_for_every_month_since_the_subscription_began():
    found = amounts(charged(otp=1, since="2025-12"))
    months = [month for month, charge, _ in found if charge == "fee"]
    assert months == [f"2025-{month:02d}" for month in (12,)] + [f"2026-{month:02d}" for month in range(1, 11)]
    assert found["2025-12", "least", "2025-12-01/2026-01-01"] == 30
    assert found["2026-10", "least", OCTOBER] == 28


def test_what_was_used_before_counts_in_discounts_and_minimum():
    before = {UsageKey("acme", "2026-10", "otp", "*//launch"): Used(5_000_000, 5, 10_000_000)}
    found = charged(calls=2, before=before)
    assert amounts(found) == {
        ("2026-10", "call", "*"): 2,
        ("2026-10", "launch", "launch"): -1,
        ("2026-10", "cap", "cap"): 0,
        ("2026-10", "fee", OCTOBER): 5,
        ("2026-10", "least", OCTOBER): 19,
    }


AHEAD = {
    "charges": [
        {"meter": "otp", "price": {"model": "per_unit", "unit_price": "2.00"}},
        {"code": "fee", "kind": "recurring", "amount": "5.00", "every": "month", "billed": "in_advance"},
        {"code": "setup", "kind": "one_time", "amount": "7.00"},
    ]
}


def run_of(plan, events, *, contracts=None):
    expectation = Expectation({"plan": plan}, "2026-10", contracts or {})
    for data in events:
        expectation.good("acme", "plan", {"type": "otp", "data": data}, quantity_millionths=1_000_000, known=True)
    return expectation


def test_what_is_due_ahead_is_on_the_invoice_of_the_month_before_and_what_is_paid_once_on_the_first():
    assert amounts(run_of(AHEAD, [{}]).charged({}, {"acme": "2026-09"})) == {
        ("2026-10", "otp", "*"): 2,
        ("2026-08", "fee", "2026-09-01/2026-10-01"): 5,
        ("2026-09", "fee", "2026-10-01/2026-11-01"): 5,
        ("2026-10", "fee", "2026-11-01/2026-12-01"): 5,
        ("2026-08", "setup", "once"): 7,
    }


def test_a_contract_stands_in_the_place_of_the_plans_charges():
    contract = {"charges": [{"meter": "otp", "price": {"model": "per_unit", "unit_price": "1.00"}}]}
    assert (
        amounts(run_of(PLAN, [{}], contracts={"acme": contract}).charged({}, {"acme": "2026-10"}))[
            "2026-10", "otp", "*//launch"
        ]
        == 1
    )


def test_users_are_counted_once_and_a_share_is_taken_of_each_event():
    meters = [
        {"code": "people", "event_type": "otp", "aggregation": "unique", "property": "user"},
        {"code": "cost", "event_type": "otp", "property": "cost"},
    ]
    charges = [
        {"meter": "people", "price": {"model": "per_unit", "unit_price": "2.00"}},
        {"meter": "cost", "price": {"model": "percentage", "percent": "10", "minimum": "0.50"}},
    ]
    events = [{"user": user, "cost": cost} for user, cost in (("a", 1), ("b", 10), ("a", 20))]
    people, cost = UsageKey("acme", "2026-10", "people", "*"), UsageKey("acme", "2026-10", "cost", "*")
    before = {cost: Used(1_000_000, 1, 500_000)}
    totals = run_of({"meters": meters, "charges": charges}, events).charged(before, {"acme": "2026-10"})
    assert totals == {people: Used(2_000_000, 3, 4_000_000), cost: Used(32_000_000, 4, 4_000_000)}
