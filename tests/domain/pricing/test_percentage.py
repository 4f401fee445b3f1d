"""Percentage: a share of each event's amount and a fixed part, within bounds, rounded for each event."""

import pytest

from domain.errors import Invalid
from domain.money import Currency
from domain.pricing import read_price
from domain.pricing.percentage import Percentage

PRICE = Percentage(2_500_000, 3_000_000, 5_000_000, 100_000_000)


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        (0, 5_000_000),
        (1_000_000, 5_000_000),
        (80_000_000, 5_000_000),
        (80_000_040, 5_000_001),
        (1_000_000_000, 28_000_000),
        (3_880_000_000, 100_000_000),
        (4_000_000_000, 100_000_000),
        (-1_000_000_000, -28_000_000),
        (-1, -5_000_000),
    ],
)
def test_an_event_costs_its_share_and_the_fixed_part_within_the_bounds(amount, micros):
    assert PRICE.event_micros(amount) == micros
    assert PRICE.amount_micros(amount) == micros


@pytest.mark.parametrize(("amount", "micros"), [(49, 0), (50, 1), (-49, 0), (-50, -1), (149, 1), (150, 2)])
def test_each_event_is_rounded_to_a_whole_micro_halves_away_from_zero(amount, micros):
    assert Percentage(1_000_000).event_micros(amount) == micros


def test_it_is_priced_event_by_event():
    assert Percentage.per_event
    assert PRICE.event_micros(10_000_000) + PRICE.event_micros(10_000_000) != PRICE.event_micros(20_000_000)


@pytest.mark.parametrize(
    ("amount", "steps"),
    [
        (1_000_000_000, ["2.5% of 1,000.00 = 25.00", "fixed part of the event = 3.00"]),
        (
            10_000_000,
            [
                "2.5% of 10.00 = 0.25",
                "fixed part of the event = 3.00",
                "raised to the minimum of 5.00 an event = 1.75",
            ],
        ),
        (
            4_000_000_000,
            [
                "2.5% of 4,000.00 = 100.00",
                "fixed part of the event = 3.00",
                "lowered to the maximum of 100.00 an event = -3.00",
            ],
        ),
        (
            -1_000_000_000,
            ["taken back: 2.5% of 1,000.00 = -25.00", "taken back: fixed part of the event = -3.00"],
        ),
    ],
)
def test_it_explains_share_fixed_part_and_bounds(amount, steps):
    assert [str(step) for step in PRICE.explain(amount)] == steps


def test_an_invoice_line_says_the_share_and_the_fixed_part():
    assert PRICE.printed(Currency.INR) == "2.5% + ₹3.00"
    assert Percentage(290_000).printed(Currency.USD) == "0.29%"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"percent": None}, 'price.percent: must be a decimal in quotes, e.g. "0.1450"; it is missing'),
        ({"percent": "100.000001"}, "price.percent: must be between 0 and 100, not '100.000001'"),
        ({"percent": 2}, 'price.percent: must be a decimal in quotes, e.g. "0.1450", not 2'),
        ({"minimum": "5", "maximum": "4.99"}, "price.maximum: must not be below the minimum of 5.00"),
        ({"fixed": "-3"}, "price.fixed: must not be negative, and is '-3': what lowers a bill is an adjustment"),
        (
            {"free_units": 10},
            "price.free_units: each event is priced by itself, so there are no first units: leave it out",
        ),
        (
            {"rate": "2"},
            "price.rate: unknown field; known are corrections, fixed, maximum, minimum, model, percent",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_percentage_that_cannot_be_read_names_the_field(changes, sentence):
    with pytest.raises(Invalid) as refused:
        read_price({"model": "percentage", "percent": "2.5", **changes}, path="price")
    assert str(refused.value) == sentence
