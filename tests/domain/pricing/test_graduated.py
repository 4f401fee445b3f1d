"""Graduated: the units of each tier at that tier's own price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.money import Currency
from domain.pricing import read_tariff
from domain.pricing.graduated import Graduated, Tier

TARIFF = Graduated((Tier(1_000_000_000, 200_000), Tier(5_000_000_000, 150_000), Tier(None, 100_000)))


@pytest.mark.parametrize(
    ("units", "micros"),
    [
        (0, 0),
        (1, 200_000),
        (1_000, 200_000_000),
        (1_001, 200_150_000),
        (1_500, 275_000_000),
        (5_000, 800_000_000),
        (5_001, 800_100_000),
        (10_000, 1_300_000_000),
    ],
)
def test_each_unit_costs_what_its_own_tier_says(units, micros):
    assert TARIFF.amount_micros(units * 1_000_000) == micros


def test_a_fraction_of_a_unit_over_the_edge_costs_the_next_tiers_price():
    assert TARIFF.amount_micros(1_000_500_000) - TARIFF.amount_micros(1_000_000_000) == 75_000


def test_halves_are_rounded_once_over_all_tiers():
    tariff = Graduated((Tier(1_000_000, 1), Tier(None, 1)))
    assert tariff.amount_micros(1_500_000) == 2
    assert tariff.amount_micros(1_499_999) == 1


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_more_usage_never_costs_less(units, more):
    assert TARIFF.amount_micros((units + more) * 1_000_000) >= TARIFF.amount_micros(units * 1_000_000)


def test_tiers_are_read_in_rising_order():
    document = {"model": "graduated", "tiers": [{"up_to": 1000, "unit_price": "0.20"}, {"unit_price": "0.15"}]}
    assert read_tariff(document, path="price") == Graduated((Tier(1_000_000_000, 200_000), Tier(None, 150_000)))


WITH_FEES = (Tier(10_000_000, 1_000_000, 5_000_000), Tier(20_000_000, 0, 7_000_000), Tier(None, 500_000))


@pytest.mark.parametrize(
    ("millionths", "micros"),
    [
        (0, 0),
        (1, 5_000_001),
        (10_000_000, 15_000_000),
        (10_000_001, 22_000_000),
        (20_000_000, 22_000_000),
        (21_000_000, 22_500_000),
    ],
)
def test_the_flat_fee_of_each_tier_entered_is_due(millionths, micros):
    assert Graduated(WITH_FEES).amount_micros(millionths) == micros


@pytest.mark.parametrize(("flat_at_zero", "micros"), [(False, 0), (True, 5_000_000)])
def test_whether_the_first_flat_fee_is_due_at_zero_usage_is_an_option(flat_at_zero, micros):
    price = Graduated(WITH_FEES, flat_at_zero=flat_at_zero, free_units_millionths=2_000_000)
    assert {price.amount_micros(total) for total in (-1, 0, 1, 2_000_000)} == {micros}
    assert price.amount_micros(3_000_000) == 6_000_000


def test_it_explains_tier_by_tier():
    price = Graduated(WITH_FEES, free_units_millionths=2_000_000)
    assert [str(step) for step in price.explain(24_500_000)] == [
        "2 of 2 free units = 0.00",
        "up to 10: flat fee = 5.00",
        "up to 10: 10 × 1.00 = 10.00",
        "above 10, up to 20: flat fee = 7.00",
        "above 20: 2.5 × 0.50 = 1.25",
    ]
    assert [str(step) for step in Graduated(WITH_FEES, flat_at_zero=True).explain(0)] == [
        "up to 10: flat fee, due without usage = 5.00"
    ]
    assert [str(step) for step in Graduated(WITH_FEES).explain(0)] == ["nothing used = 0.00"]


def test_what_rounding_each_tier_by_itself_leaves_is_the_last_step():
    price = Graduated((Tier(500_000, 1), Tier(1_000_000, 1), Tier(None, 1)))
    assert [str(step) for step in price.explain(1_000_000)] == [
        "up to 0.5: 0.5 × 0.000001 = 0.000001",
        "above 0.5, up to 1: 0.5 × 0.000001 = 0.000001",
        "rounding: the sum is rounded once, each line above by itself = -0.000001",
    ]


def test_an_invoice_line_names_the_model():
    assert TARIFF.printed(Currency.INR) == "graduated"


LAST = {"unit_price": "1"}


@pytest.mark.parametrize(
    ("tiers", "sentence"),
    [
        (None, "tiers: needs at least one tier"),
        ([], "tiers: needs at least one tier"),
        (["cheap"], r"tiers\[0\]: must be an object with named fields, not 'cheap'"),
        ([LAST, LAST], r"tiers\[0\].up_to: every tier but the last has an end"),
        ([{"up_to": 10, "unit_price": "1"}], r"tiers\[0\].up_to: every tier but the last has an end"),
        (
            [{"up_to": 0, "unit_price": "1"}, LAST],
            r"tiers\[0\].up_to: must be between 0.000001 and 1,000,000,000,000, not 0",
        ),
        ([{"up_to": 10.5, "unit_price": "1"}, LAST], r"tiers\[0\].up_to: must be a whole number, or a decimal in quotes"),
        ([{"up_to": True, "unit_price": "1"}, LAST], r"tiers\[0\].up_to: must be a whole number, or a decimal in quotes"),
        (
            [{"up_to": 9, "unit_price": "1"}, {"up_to": 9, "unit_price": "1"}, LAST],
            r"tiers\[1\].up_to: must be above 9, where the tier before ends",
        ),
        ([{"up_to": 9}, LAST], r"tiers\[0\].unit_price: must be a decimal in quotes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tiers_that_do_not_fit_together_are_refused_by_name(tiers, sentence):
    with pytest.raises(InvalidInput, match=rf"price.{sentence}"):
        read_tariff({"model": "graduated", "tiers": tiers}, path="price")
