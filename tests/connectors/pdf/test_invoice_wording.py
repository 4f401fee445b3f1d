"""Dates, places, rates and quantities in print, and texts broken to a width."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pdf.countries import country_name
from connectors.pdf.fonts import register_fonts, width, wrap
from connectors.pdf.sheet import BODY
from connectors.pdf.wording import day_text, days_text, month_text, period_text, quantity_text, rate_text, state_text
from domain.money import Currency
from domain.period import BillingMonth


def test_dates_and_periods():
    assert day_text(date(2026, 11, 5)) == "5 Nov 2026"
    assert day_text(None) == "–"
    assert month_text(BillingMonth(2026, 10)) == "Oct 2026"
    assert period_text(BillingMonth(2028, 2)) == "1 – 29 February 2028"
    assert days_text(date(2026, 11, 1), date(2026, 11, 30)) == "1 – 30 Nov 2026"
    assert days_text(date(2026, 10, 15), date(2026, 11, 14)) == "15 Oct – 14 Nov 2026"
    assert days_text(date(2026, 12, 15), date(2027, 1, 14)) == "15 Dec 2026 – 14 Jan 2027"


@pytest.mark.parametrize(
    ("basis_points", "text"), [(1800, "18 %"), (900, "9 %"), (0, "0 %"), (250, "2.5 %"), (25, "0.25 %"), (1000, "10 %")]
)
def test_rates(basis_points, text):
    assert rate_text(basis_points) == text


@pytest.mark.parametrize(
    ("millionths", "currency", "text"),
    [
        (10_000_000_000, Currency.INR, "10,000"),
        (123_456_500_000, Currency.INR, "1,23,456.5"),
        (123_456_500_000, Currency.USD, "123,456.5"),
        (1, Currency.INR, "0.000001"),
        (-1_500_000, Currency.USD, "-1.5"),
        (0, Currency.IDR, "0"),
    ],
)
def test_quantities(millionths, currency, text):
    assert quantity_text(millionths, currency) == text


def test_places_are_named_with_their_code():
    assert state_text("04") == "Chandigarh (04)"
    assert state_text("96") == "Other Country (96)"
    assert state_text("77") == "77"


@pytest.mark.parametrize(
    ("code", "name"), [("ID", "Indonesia"), ("GB", "United Kingdom"), ("CI", "Côte d'Ivoire"), ("QQ", "QQ")]
)
def test_countries_are_named(code, name):
    assert country_name(code) == name


@given(st.text(st.characters(codec="ascii"), max_size=200), st.floats(30, 400))
def test_no_line_is_wider_than_its_room_and_no_character_is_lost(text, room):
    register_fonts()
    lines = wrap(text, BODY, room=room, lines_max=1000)
    assert all(width(line, BODY) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())


def test_a_text_that_is_too_long_ends_in_an_ellipsis():
    register_fonts()
    lines = wrap("word " * 500, BODY, room=100, lines_max=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(width(line, BODY) <= 100 for line in lines)
