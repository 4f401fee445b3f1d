"""Per unit: quantity times price, rounded half away from zero on the running total."""

import pytest

from domain.errors import InvalidInput
from domain.fields import shown
from domain.money import Currency
from domain.pricing import read_tariff
from domain.pricing.per_unit import PerUnit


@pytest.mark.parametrize(
    ("unit_price", "quantity_millionths", "micros"),
    [
        ("0.1450", 1_000_000, 145_000),
        ("0.1450", 10_000_000_000, 1_450_000_000),
        ("0", 10_000_000_000, 0),
        ("10000", 1_000_000_000_000, 10_000_000_000_000_000),
        ("0.000001", 499_999, 0),
        ("0.000001", 500_000, 1),
        ("0.000003", 500_000, 2),
        ("0.20", 0, 0),
    ],
)
def test_an_amount_is_quantity_times_price_with_halves_rounded_away_from_zero(unit_price, quantity_millionths, micros):
    tariff = read_tariff({"model": "per_unit", "unit_price": unit_price}, path="price")
    assert tariff.amount_micros(quantity_millionths) == micros


@pytest.mark.parametrize("unit_price", ["0", "0.145", "0.000001", "999999.999999", "1000000"])
def test_prices_from_nought_to_a_million_with_six_places_are_read(unit_price):
    assert isinstance(read_tariff({"model": "per_unit", "unit_price": unit_price}, path="price"), PerUnit)


@pytest.mark.parametrize(
    ("unit_price", "sentence"),
    [
        (0.145, "must be a decimal in quotes"),
        (1, "must be a decimal in quotes"),
        (None, "must be a decimal in quotes"),
        (True, "must be a decimal in quotes"),
        (10**5000, "must be a decimal in quotes"),
        ([[["1"]]], "must be a decimal in quotes"),
        ("", "'' is not a decimal"),
        ("free", "'free' is not a decimal like \"0.1450\", of at most 6 places"),
        ("0.0000001", "'0.0000001' has 7 decimals: at most 6 are priced"),
        ("-0.01", "must not be negative"),
        ("1000000.000001", "must be between 0 and 1,000,000, not"),
        ("9" * 100_000, "must be between 0 and 1,000,000, not"),
        ("1e-3", "is not a decimal"),
        ("+1", "is not a decimal"),
        (" 1", "is not a decimal"),
        ("1\n", "is not a decimal"),
        ("1_000", "is not a decimal"),
        ("\u0661", "is not a decimal"),
        ("NaN", "is not a decimal"),
        ("Infinity", "is not a decimal"),
        ("1e999999999", "is not a decimal"),
    ],
    ids=shown,
)
def test_a_price_that_is_no_exact_decimal_in_range_is_refused_by_name(unit_price, sentence):
    with pytest.raises(InvalidInput, match=rf"charges\[0\].price.unit_price: .*{sentence}"):
        read_tariff({"model": "per_unit", "unit_price": unit_price}, path="charges[0].price")


def test_the_first_units_may_be_free():
    price = PerUnit(200_000, 100_000_000)
    assert [price.amount_micros(units * 1_000_000) for units in (-5, 0, 99, 100, 101)] == [0, 0, 0, 0, 200_000]


def test_it_explains_quantity_times_price_beside_the_free_units():
    price = PerUnit(145_000, 100_000_000)
    assert [str(step) for step in price.explain(10_100_000_000)] == [
        "100 of 100 free units = 0.00",
        "10,000 × 0.145 = 1,450.00",
    ]
    assert [str(step) for step in PerUnit(145_000).explain(2_000_000)] == ["2 × 0.145 = 0.29"]
    assert [str(step) for step in price.explain(40_000_000)] == ["40 of 100 free units = 0.00"]
    assert [str(step) for step in price.explain(-1)] == ["nothing used = 0.00"]


@pytest.mark.parametrize(
    ("micros", "currency", "printed"),
    [
        (145_000, Currency.INR, "₹0.1450"),
        (1, Currency.USD, "$0.000001"),
        (350_000_000, Currency.IDR, "Rp350.0000"),
        (123_456_000_000, Currency.INR, "₹1,23,456.0000"),
    ],
)
def test_an_invoice_line_has_the_unit_price_to_at_least_four_places(micros, currency, printed):
    assert PerUnit(micros).printed(currency) == printed
