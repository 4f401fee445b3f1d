"""GST amounts: each head on its own, half away from zero, and parts that add up to the whole."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.tax.gst import rate_of_sac, split_tax_minor, tax_minor


def paise(rupees):
    return int(Decimal(rupees) * 100)


@pytest.mark.parametrize(
    ("taxable", "cgst", "igst"),
    [
        ("100", "9.00", "18.00"),
        ("62.51", "5.63", "11.25"),
        ("7.60", "0.68", "1.37"),
        ("0.05", "0.00", "0.01"),
        ("0.06", "0.01", "0.01"),
        ("0.50", "0.05", "0.09"),
        ("100.05", "9.00", "18.01"),
        ("1234.56", "111.11", "222.22"),
        ("5225.28", "470.28", "940.55"),
        ("1000", "90", "180"),
        ("1400", "126", "252"),
        ("100000", "9000", "18000"),
    ],
)
def test_the_published_amounts(taxable, cgst, igst):
    assert tax_minor(paise(taxable), rate_basis_points=900) == paise(cgst)
    assert tax_minor(paise(taxable), rate_basis_points=1800) == paise(igst)


def test_the_header_tax_of_two_equal_lines_leaves_the_smaller_part_to_the_second():
    """Two lines of 7.60 at 12 %: CGST 0.91 on the document, shown as 0.46 and 0.45."""
    assert tax_minor(2 * paise("7.60"), rate_basis_points=600) == paise("0.91")
    assert split_tax_minor([paise("7.60"), paise("7.60")], rate_basis_points=600) == (46, 45)


@given(st.lists(st.integers(-(10**12), 10**12), max_size=40), st.sampled_from([0, 900, 1800, 600, 25]))
def test_parts_of_a_tax_always_add_up_to_it(taxables, rate):
    parts = split_tax_minor(taxables, rate_basis_points=rate)
    assert len(parts) == len(taxables)
    assert sum(parts) == tax_minor(sum(taxables), rate_basis_points=rate)


@given(st.integers(0, 10**15))
def test_two_halves_differ_from_the_whole_by_at_most_one_paisa(taxable):
    halves = 2 * tax_minor(taxable, rate_basis_points=900)
    assert abs(halves - tax_minor(taxable, rate_basis_points=1800)) <= 1


@pytest.mark.parametrize("sac", ["9983", "998313", "998314", "998315", "998316", "998319", "99831319"])
def test_information_technology_services_bear_eighteen_percent(sac):
    assert rate_of_sac(sac, on=date(2026, 11, 1)) == 1800


def test_telephony_bears_eighteen_percent_and_other_telecommunication_is_not_guessed():
    assert rate_of_sac("998413", on=date(2026, 11, 1)) == 1800
    with pytest.raises(InvalidInput, match="no GST rate is known for 998431"):
        rate_of_sac("998431", on=date(2026, 11, 1))


def test_a_service_code_without_a_known_rate_is_refused():
    with pytest.raises(InvalidInput, match="no GST rate is known for 996511 on 2026-11-01"):
        rate_of_sac("996511", on=date(2026, 11, 1))


def test_there_is_no_gst_before_july_2017():
    with pytest.raises(InvalidInput, match="no GST rate is known"):
        rate_of_sac("998319", on=date(2017, 6, 30))


@pytest.mark.parametrize("sac", ["998", "99831X", "", "9983190"])
def test_a_malformed_service_code_is_refused(sac):
    with pytest.raises(InvalidInput, match="4, 6 or 8 digits"):
        rate_of_sac(sac, on=date(2026, 11, 1))
