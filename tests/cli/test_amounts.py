"""Amounts as people type them: read exactly, and whatever is no amount refused in a sentence."""

from decimal import Decimal

import pytest

from cli.amounts import read_amount, read_minor
from domain.errors import InvalidInput


def test_an_amount_is_read_exactly():
    assert read_amount("1000.000001") == Decimal("1000.000001")
    assert (read_minor("1180.00"), read_minor("-0.01"), read_minor("0")) == (118000, -1, 0)


@pytest.mark.parametrize("text", ["", "ten", "1,000", "NaN", "sNaN", "-Infinity", "1e999999", "1e-999999", "1e30"])
@pytest.mark.parametrize("read", [read_amount, read_minor])
def test_what_is_no_amount_of_money_is_refused_in_a_sentence(read, text):
    with pytest.raises(InvalidInput, match=r"amount: .* is not a"):
        read(text)


def test_banks_move_no_parts_of_a_paisa():
    with pytest.raises(InvalidInput, match="two decimals"):
        read_minor("10.005")
