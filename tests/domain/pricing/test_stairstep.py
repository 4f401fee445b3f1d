"""Stairstep: the fee of the step the total is on, or the sum of the steps passed."""

import pytest

from domain.money import Currency
from domain.pricing.stairstep import Stairstep, Steps
from domain.pricing.tiers import Tier

STEPS = (Tier(10_000_000, 0, 50_000_000), Tier(20_000_000, 0, 100_000_000), Tier(None, 0, 150_000_000))


@pytest.mark.parametrize(
    ("millionths", "reached", "passed"),
    [
        (-1, 0, 0),
        (0, 0, 0),
        (1, 50, 50),
        (10_000_000, 50, 50),
        (10_000_001, 100, 150),
        (20_000_000, 100, 150),
        (21_000_000, 150, 300),
        (10**15, 150, 300),
    ],
)
def test_a_total_costs_the_step_it_reached_or_the_steps_it_passed(millionths, reached, passed):
    assert Stairstep(STEPS).amount_micros(millionths) == reached * 1_000_000
    assert Stairstep(STEPS, Steps.PASSED).amount_micros(millionths) == passed * 1_000_000


@pytest.mark.parametrize(("flat_at_zero", "micros"), [(False, 0), (True, 50_000_000)])
def test_whether_the_first_step_is_due_at_zero_usage_is_an_option(flat_at_zero, micros):
    price = Stairstep(STEPS, flat_at_zero=flat_at_zero, free_units_millionths=3_000_000)
    assert {price.amount_micros(total) for total in (-1, 0, 3_000_000)} == {micros}
    assert price.amount_micros(3_000_001) == 50_000_000


def test_it_explains_which_steps_are_due():
    assert [str(step) for step in Stairstep(STEPS).explain(15_000_000)] == ["above 10, up to 20: fee of the step = 100.00"]
    assert [str(step) for step in Stairstep(STEPS, Steps.PASSED).explain(15_000_000)] == [
        "up to 10: fee of the step = 50.00",
        "above 10, up to 20: fee of the step = 100.00",
    ]
    assert [str(step) for step in Stairstep(STEPS, flat_at_zero=True).explain(0)] == [
        "up to 10: fee of the step, due without usage = 50.00"
    ]


def test_an_invoice_line_names_the_model():
    assert Stairstep(STEPS).printed(Currency.INR) == "stairstep"


def test_a_step_with_a_unit_price_cannot_be_built():
    with pytest.raises(ValueError, match="no unit price"):
        Stairstep((Tier(None, 1, 1),))
