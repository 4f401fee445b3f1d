"""Package: started packages count as whole ones, unless only completed ones do."""

import pytest

from domain.money import Currency
from domain.pricing import read_price
from domain.pricing.package import Package, Packages

PRICE = Package(100_000_000, 5_000_000)


@pytest.mark.parametrize(
    ("millionths", "started", "completed"),
    [
        (-1, 0, 0),
        (0, 0, 0),
        (1, 1, 0),
        (99_999_999, 1, 0),
        (100_000_000, 1, 1),
        (100_000_001, 2, 1),
        (201_000_000, 3, 2),
    ],
)
def test_a_package_is_priced_when_it_is_started_or_when_it_is_used_up(millionths, started, completed):
    assert PRICE.amount_micros(millionths) == started * 5_000_000
    assert Package(100_000_000, 5_000_000, Packages.COMPLETED).amount_micros(millionths) == completed * 5_000_000


def test_the_first_packages_begin_after_the_free_units():
    price = Package(100_000_000, 5_000_000, free_units_millionths=100_000_000)
    assert [price.amount_micros(units * 1_000_000) for units in (100, 101, 200, 201)] == [
        0,
        5_000_000,
        5_000_000,
        10_000_000,
    ]


def test_a_package_may_be_a_part_of_a_unit():
    price = read_price({"model": "package", "package_size": "0.5", "package_price": "1"}, path="price")
    assert price.amount_micros(1_200_000) == 3_000_000


def test_it_explains_how_many_packages_and_why():
    price = Package(100_000_000, 5_000_000, free_units_millionths=100_000_000)
    assert [str(step) for step in price.explain(301_000_000)] == [
        "100 of 100 free units = 0.00",
        "201 in packages of 100, 3 started: 3 × 5.00 = 15.00",
    ]
    assert [str(step) for step in price.explain(40_000_000)] == ["40 of 100 free units = 0.00"]
    assert [str(step) for step in price.explain(0)] == ["nothing used = 0.00"]


def test_an_invoice_line_says_what_a_package_costs():
    assert PRICE.printed(Currency.INR) == "₹5.00 per 100"
    assert Package(1_500_000, 12_345).printed(Currency.USD) == "$0.012345 per 1.5"
