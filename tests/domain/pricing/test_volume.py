"""Volume: all units at the price of the tier the total falls into, so reaching a tier reprices what came before."""

import pytest

from domain.money import Currency
from domain.pricing.tiers import Tier
from domain.pricing.volume import Volume

TARIFF = Volume((Tier(1_000_000_000, 200_000), Tier(5_000_000_000, 150_000), Tier(None, 100_000)))
WITH_FEES = (Tier(10_000_000, 1_000_000, 5_000_000), Tier(None, 500_000, 7_000_000))


@pytest.mark.parametrize(
    ("units", "micros"),
    [
        (0, 0),
        (1, 200_000),
        (1_000, 200_000_000),
        (1_001, 150_150_000),
        (5_000, 750_000_000),
        (5_001, 500_100_000),
    ],
)
def test_every_unit_costs_what_the_tier_of_the_total_says(units, micros):
    assert TARIFF.amount_micros(units * 1_000_000) == micros


def test_the_unit_that_reaches_a_cheaper_tier_costs_less_than_nothing():
    assert TARIFF.amount_micros(1_001_000_000) - TARIFF.amount_micros(1_000_000_000) == -49_850_000


def test_the_flat_fee_is_that_of_the_tier_alone():
    price = Volume(WITH_FEES)
    assert price.amount_micros(10_000_000) == 15_000_000
    assert price.amount_micros(10_000_001) == 12_000_001


@pytest.mark.parametrize(("flat_at_zero", "micros"), [(False, 0), (True, 5_000_000)])
def test_whether_the_first_flat_fee_is_due_at_zero_usage_is_an_option(flat_at_zero, micros):
    price = Volume(WITH_FEES, flat_at_zero=flat_at_zero, free_units_millionths=2_000_000)
    assert {price.amount_micros(total) for total in (-1, 0, 1, 2_000_000)} == {micros}
    assert price.amount_micros(3_000_000) == 6_000_000


def test_it_explains_that_all_units_have_one_price():
    price = Volume(WITH_FEES, free_units_millionths=2_000_000)
    assert [str(step) for step in price.explain(14_500_000)] == [
        "2 of 2 free units = 0.00",
        "above 10: flat fee = 7.00",
        "above 10: all 12.5 × 0.50 = 6.25",
    ]
    assert [str(step) for step in Volume(WITH_FEES, flat_at_zero=True).explain(0)] == [
        "up to 10: flat fee, due without usage = 5.00"
    ]
    assert [str(step) for step in Volume(WITH_FEES).explain(-3)] == ["nothing used = 0.00"]


def test_an_invoice_line_names_the_model():
    assert TARIFF.printed(Currency.INR) == "volume"


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (Tier(10, 1),),
        (Tier(None, 1), Tier(None, 1)),
        (Tier(10, 1), Tier(10, 1), Tier(None, 1)),
        (Tier(10, 1), Tier(5, 1), Tier(None, 1)),
        (Tier(0, 1), Tier(None, 1)),
    ],
)
def test_tiers_that_do_not_rise_to_an_open_end_cannot_be_built(tiers):
    with pytest.raises(ValueError, match="tier"):
        Volume(tiers)
