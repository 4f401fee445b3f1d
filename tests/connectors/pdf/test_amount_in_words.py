"""Amounts in words, as each currency spells them."""

import pytest

from connectors.pdf.amount_in_words import amount_in_words
from domain.money import Currency


@pytest.mark.parametrize(
    ("amount_minor", "currency", "words"),
    [
        (
            12_345_650,
            Currency.INR,
            "Rupees One Lakh Twenty Three Thousand Four Hundred Fifty Six and Fifty Paise Only",
        ),
        (0, Currency.INR, "Rupees Zero Only"),
        (5, Currency.INR, "Rupees Zero and Five Paise Only"),
        (1_00_00_000_00, Currency.INR, "Rupees One Crore Only"),
        (
            12_34_56_789_00,
            Currency.INR,
            "Rupees Twelve Crore Thirty Four Lakh Fifty Six Thousand Seven Hundred Eighty Nine Only",
        ),
        (10_00_000 * 10**7 * 100 + 1, Currency.INR, "Rupees Ten Lakh Crore and One Paise Only"),
        (123_456, Currency.USD, "US Dollars One Thousand Two Hundred Thirty Four and Fifty Six Cents Only"),
        (100_000_000_00, Currency.USD, "US Dollars One Hundred Million Only"),
        (-250, Currency.USD, "Minus US Dollars Two and Fifty Cents Only"),
        (
            1_036_677_850,
            Currency.IDR,
            "Indonesian Rupiah Ten Million Three Hundred Sixty Six Thousand Seven Hundred Seventy Nine Only",
        ),
        (49, Currency.IDR, "Indonesian Rupiah Zero Only"),
    ],
)
def test_an_amount_is_spelt(amount_minor, currency, words):
    assert amount_in_words(amount_minor, currency) == words


def test_the_largest_amount_the_database_holds_can_be_spelt():
    assert amount_in_words(2**63 - 1, Currency.INR).startswith("Rupees Nine Hundred Twenty Two Crore")
