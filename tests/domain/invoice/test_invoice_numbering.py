"""Invoice numbers: Rule 46(b), the portal's pattern, and the financial year."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.invoice.numbering import check_number, financial_year, format_number


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2026, 3, 31), "25-26"),
        (date(2026, 4, 1), "26-27"),
        (date(2026, 12, 31), "26-27"),
        (date(2027, 3, 31), "26-27"),
        (date(2023, 6, 20), "23-24"),
        (date(2099, 4, 1), "99-00"),
    ],
)
def test_the_financial_year_runs_from_april_to_march(day, year):
    assert financial_year(day) == year


@pytest.mark.parametrize(
    ("series", "n", "number"),
    [
        ("OTP", 1, "OTP/26-27/000001"),
        ("OTP", 999_999, "OTP/26-27/999999"),
        ("OTPC", 1, "OTPC/26-27/00001"),
        ("S", 42, "S/26-27/000042"),
        ("OTP-E", 9_999, "OTP-E/26-27/9999"),
    ],
)
def test_numbers_of_a_series(series, n, number):
    assert format_number(series, "26-27", n) == number


@given(st.from_regex(r"[A-Z1-9][A-Z0-9-]{0,4}", fullmatch=True), st.integers(1, 9_999))
def test_every_number_is_one_the_portal_accepts(series, n):
    number = format_number(series, "26-27", n)
    check_number(number)
    assert len(number) <= 16
    assert number.upper() == number


@pytest.mark.parametrize(("series", "n"), [("OTP", 1_000_000), ("OTPC", 100_000), ("OTP", 0), ("OTP", -1)])
def test_a_series_that_is_used_up_says_to_begin_another(series, n):
    with pytest.raises(InvalidInput, match=f"series {series} holds in 26-27; begin another series"):
        format_number(series, "26-27", n)


@pytest.mark.parametrize("series", ["", "otp", "0TP", "-TP", "/TP", "OTP/X", "OTP X", "OTPCRN", "ÖTP"])
def test_a_malformed_series_is_refused(series):
    with pytest.raises(InvalidInput, match=r"^series: "):
        format_number(series, "26-27", 1)


@pytest.mark.parametrize("year", ["2026-27", "26/27", "", "2627"])
def test_a_malformed_financial_year_is_refused(year):
    with pytest.raises(InvalidInput, match="not of the form 26-27"):
        format_number("OTP", year, 1)


@pytest.mark.parametrize("number", ["SI/2020/0001", "2020-PI-0001", "PI2020-0001", "1", "A" * 16])
def test_numbers_the_portal_accepts(number):
    check_number(number)
    assert len(number) <= 16


@pytest.mark.parametrize(
    "number",
    [
        "SI$1231",
        "012345678901236",
        "123456789012345678",
        "SI 2020 05",
        "SI.2020.0001",
        "PI2021 - 001",
        "-SI1",
        "/SI1",
        "si1",
        "",
        "SI1\n",
    ],
)
def test_numbers_the_portal_refuses(number):
    with pytest.raises(InvalidInput, match=r"^number: "):
        check_number(number)
