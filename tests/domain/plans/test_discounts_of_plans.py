"""Discounts never exceed: what an account used never comes to less than nothing, whatever is taken off it."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.plans import read_plan
from domain.plans.quote_lines import quote
from domain.plans.quoted_usage import read_usage
from tests.builders_plans import a_charge, a_plan, per_unit

CODES = ("otp", "voice", "link")
OCTOBER_2 = "2026-10-02T00:00:00Z"


def an_adjustment(kind, *, code="x", applies_to=None, **changes):
    usual = {"percentage": {"percent": "60"}, "free_amount": {"amount": "50"}, "maximum": {"amount": "20"}}.get(kind, {})
    named = {} if applies_to is None else {"applies_to": applies_to}
    return {"code": code, "kind": kind, "description": code, "sac": "998319", **usual, **named, **changes}


def plan_of(*adjustments, **changes):
    charges = [a_charge(code, price=per_unit("1")) for code in CODES]
    return a_plan(*charges, **({"adjustments": list(adjustments)} if adjustments else {}), **changes)


def comes_to(plan, **used):
    """What a day's usage, by charge, comes to in currency units."""
    usage = [{"type": code, "quantity": quantity, "time": OCTOBER_2} for code, quantity in used.items()]
    said = quote(read_plan(plan), read_usage(usage, measured=()), time_zone=ZoneInfo("UTC"))
    return sum(line.amount_micros for line in said.lines) / 1_000_000


@pytest.mark.parametrize("kind", ["percentage", "free_amount", "maximum"])
@pytest.mark.parametrize("applies_to", [None, ["otp"], ["otp", "voice"]])
def test_in_a_trial_nothing_is_due_and_nothing_comes_back_by_another_discount(kind, applies_to):
    plan = plan_of(an_adjustment(kind, applies_to=applies_to), trial_days=14)
    assert comes_to(plan, otp=100, voice=100) == 0


def test_a_trial_of_some_usage_leaves_discounts_on_the_rest():
    trial = an_adjustment("trial", code="trial", days=14, applies_to=["otp"])
    assert comes_to(plan_of(trial, an_adjustment("percentage", percent="10")), otp=100, voice=50) == 45
    second = an_adjustment("trial", code="again", days=14, applies_to=["otp", "voice"])
    assert comes_to(plan_of(trial, second), otp=100, voice=50) == 0


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (an_adjustment("percentage"), an_adjustment("percentage", code="y", applies_to=["otp"])),
        (an_adjustment("free_amount"), an_adjustment("percentage", code="y", applies_to=["otp"])),
        (an_adjustment("percentage"), an_adjustment("maximum", code="y", applies_to=["otp"])),
        (
            an_adjustment("percentage", applies_to=["otp", "voice"]),
            an_adjustment("percentage", code="y", applies_to=["voice", "link"]),
        ),
    ],
)
def test_a_discount_that_could_take_off_once_more_what_is_gone_is_refused(earlier, later):
    with pytest.raises(Invalid) as refused:
        read_plan(plan_of(earlier, later))
    (error,) = refused.value.errors
    assert error.path == "adjustments[1].applies_to"
    assert "once more what 'x' takes off, which is made before it and on more than it" in error.reason
    assert ("list it before 'x'" in error.reason) == (earlier["kind"] == later["kind"])


def test_discounts_that_cannot_exceed_together_may_be_on_whatever_they_like():
    first, second = an_adjustment("percentage", percent="10"), an_adjustment("percentage", code="y", applies_to=["otp"])
    assert comes_to(plan_of(first, second), otp=100) == 30
    assert comes_to(plan_of(second, first), otp=100) == 36
    cap = an_adjustment("maximum", code="cap")
    assert comes_to(plan_of(first, second, cap), otp=100) == 20


adjustments = st.builds(
    lambda kind, applies_to, percent: an_adjustment(
        kind,
        applies_to=applies_to,
        **({"percent": percent} if kind == "percentage" else {"days": 14} if kind == "trial" else {}),
    ),
    st.sampled_from(["percentage", "percentage", "free_amount", "maximum", "trial"]),
    st.none() | st.lists(st.sampled_from(CODES), min_size=1, unique=True),
    st.sampled_from(["10", "40", "60", "100"]),
)


@example(
    [
        an_adjustment("percentage", percent="10", applies_to=["link", "otp"]),
        an_adjustment("free_amount", applies_to=["link", "otp"]),
        an_adjustment("free_amount"),
    ],
    {"otp": 51},
)
@given(st.lists(adjustments, max_size=4), st.dictionaries(st.sampled_from(CODES), st.integers(1, 200), min_size=1))
def test_whatever_is_published_never_makes_usage_cost_less_than_nothing(listed, used):
    numbered = [{**one, "code": f"d{number}"} for number, one in enumerate(listed)]
    try:
        read_plan(plan_of(*numbered))
    except Invalid:
        return
    assert comes_to(plan_of(*numbered), **used) >= 0
