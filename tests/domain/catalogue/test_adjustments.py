"""Adjustments: what each comes to at a running sum of money, and what their documents may not say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import AdjustmentKind
from domain.errors import InvalidInput
from domain.money import Currency
from tests.builders_rating import an_adjustment

RUPEE = 1_000_000


@pytest.mark.parametrize(
    ("kind", "money", "amount"),
    [
        ("percentage", 200 * RUPEE, -20 * RUPEE),
        ("percentage", 4, 0),
        ("percentage", 5, -1),
        ("percentage", -200 * RUPEE, 20 * RUPEE),
        ("free_amount", 20 * RUPEE, -20 * RUPEE),
        ("free_amount", 80 * RUPEE, -50 * RUPEE),
        ("free_amount", -1, 0),
        ("maximum", 100 * RUPEE, 0),
        ("maximum", 130 * RUPEE, -30 * RUPEE),
        ("trial", 130 * RUPEE, -130 * RUPEE),
    ],
)
def test_an_adjustment_is_a_function_of_the_money_so_far(kind, money, amount):
    assert an_adjustment(kind).amount_micros(money) == amount


@given(st.sampled_from(["percentage", "free_amount", "maximum", "trial"]), st.integers(0, 10**15))
def test_an_adjustment_never_takes_off_more_than_there_is_and_its_steps_add_up(kind, money):
    adjustment = an_adjustment(kind)
    assert -money <= adjustment.amount_micros(money) <= 0
    assert sum(step.amount_micros for step in adjustment.explain(money)) == adjustment.amount_micros(money)


@pytest.mark.parametrize(
    ("kind", "printed"),
    [("percentage", "-10%"), ("free_amount", "up to ₹50.00"), ("maximum", "max. ₹100.00"), ("trial", "trial")],
)
def test_an_invoice_line_prints_it_in_few_characters(kind, printed):
    assert an_adjustment(kind).printed(Currency.INR) == printed


@pytest.mark.parametrize(
    ("earlier", "later", "counted"),
    [
        (["otp"], ["otp", "voice"], True),
        (["otp", "voice"], ["otp"], False),
        (["otp"], None, True),
        (None, ["otp"], False),
        (None, None, True),
    ],
)
def test_the_money_of_an_earlier_adjustment_counts_when_it_is_all_of_the_later_ones_charges(earlier, later, counted):
    first, second = an_adjustment("trial", applies_to=earlier), an_adjustment("maximum", applies_to=later)
    assert second.counts(first) is counted


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"percent": "101"}, "percentage.percent: must be a decimal in quotes from 0 to 100"),
        ({"percent": 10}, "percentage.percent: must be a decimal in quotes"),
        ({"percent": "0.0000001"}, "percentage.percent: must be a decimal in quotes"),
        ({"percent": "ten"}, "percentage.percent: must be a decimal in quotes"),
        ({"applies_to": "otp"}, "percentage.applies_to: must list codes of charges"),
        ({"periods": 0}, "percentage.periods: must be a whole number from 1 to 1,200"),
        ({"days": True}, "percentage.days: must be a whole number"),
        ({"reset": "week"}, "percentage.reset: 'week' is not one of month, quarter, year, never"),
        ({"description": ""}, "percentage.description: must be a text"),
    ],
)
def test_a_document_that_cannot_be_meant_names_the_field(changes, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        an_adjustment("percentage", **changes)


def test_the_order_of_kinds_is_trial_free_amount_percentage_maximum():
    assert list(AdjustmentKind) == ["trial", "free_amount", "percentage", "maximum"]
