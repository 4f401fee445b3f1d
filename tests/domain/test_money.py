"""Money: one rounding rule, exact conversions, and amounts as each country writes them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    Currency,
    decimal_from_micros,
    decimal_from_minor,
    divide_half_away_from_zero,
    format_minor,
    group_digits,
    micros_from_decimal,
    minor_from_micros,
)

whole = st.integers(min_value=-(2**63), max_value=2**63)


@pytest.mark.parametrize(
    ("micros", "minor"),
    [(4_999, 0), (5_000, 1), (14_999, 1), (15_000, 2), (-4_999, 0), (-5_000, -1), (-15_000, -2), (0, 0)],
)
def test_half_a_minor_unit_rounds_away_from_zero(micros, minor):
    assert minor_from_micros(micros) == minor


@given(whole, st.integers(min_value=1, max_value=10**9))
def test_rounding_is_never_off_by_more_than_half(numerator, denominator):
    exact = Fraction(numerator, denominator)
    assert abs(divide_half_away_from_zero(numerator, denominator) - exact) <= Fraction(1, 2)


@given(whole, st.integers(min_value=1, max_value=10**9))
def test_rounding_treats_both_signs_alike(numerator, denominator):
    assert divide_half_away_from_zero(-numerator, denominator) == -divide_half_away_from_zero(numerator, denominator)


def test_a_negative_denominator_is_refused():
    with pytest.raises(ValueError, match="denominator must be positive"):
        divide_half_away_from_zero(1, -2)


@given(whole)
def test_micros_survive_the_way_to_decimal_and_back(micros):
    assert micros_from_decimal(decimal_from_micros(micros)) == micros


@given(st.integers(min_value=-(10**16), max_value=10**16))
def test_minor_units_survive_the_way_through_micros(minor):
    assert minor_from_micros(micros_from_decimal(decimal_from_minor(minor))) == minor


def test_a_price_of_seven_decimals_is_refused():
    with pytest.raises(ValueError, match="more than 6 decimals"):
        micros_from_decimal(Decimal("0.1450001"))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (12_345_650, Currency.INR, "₹1,23,456.50"),
        (99_999, Currency.INR, "₹999.99"),
        (-1_00_000_00, Currency.INR, "-₹1,00,000.00"),
        (123_450, Currency.USD, "$1,234.50"),
        (5, Currency.USD, "$0.05"),
        (123_450, Currency.IDR, "Rp1,235"),
        (100_000_000, Currency.IDR, "Rp1,000,000"),
        (-49, Currency.IDR, "Rp0"),
        (0, Currency.INR, "₹0.00"),
    ],
)
def test_amounts_are_written_as_their_country_writes_them(minor, currency, text):
    assert format_minor(minor, currency) == text


@pytest.mark.parametrize(
    ("digits", "indian", "western"),
    [("0", "0", "0"), ("999", "999", "999"), ("1000", "1,000", "1,000"), ("1234567890", "1,23,45,67,890", "1,234,567,890")],
)
def test_thousands_are_separated(digits, indian, western):
    assert group_digits(digits, indian=True) == indian
    assert group_digits(digits, indian=False) == western


@given(st.integers(min_value=0, max_value=10**30))
def test_separators_change_no_digit(number):
    assert group_digits(str(number), indian=True).replace(",", "") == str(number)


def test_an_amount_of_any_number_of_digits_is_written_exactly():
    many = 9_999_999_999_999_998_990_000_000_000_000_001
    assert str(decimal_from_micros(many)) == "9999999999999998990000000000.000001"
    assert str(decimal_from_minor(-many)) == "-99999999999999989900000000000000.01"
    assert [str(decimal_from_micros(micros)) for micros in (0, 1, -1)] == ["0.000000", "0.000001", "-0.000001"]
