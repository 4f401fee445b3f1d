"""Amounts in words, as an invoice spells its total: lakh and crore for rupees, million for the others."""

from typing import Final

from num2words import num2words

from domain.money import MINOR_PER_UNIT, Currency, divide_half_away_from_zero

_CRORE: Final = 10_000_000
_NAMES: Final = {
    Currency.INR: ("Rupees", "Paise", "en_IN"),
    Currency.USD: ("US Dollars", "Cents", "en"),
    Currency.IDR: ("Indonesian Rupiah", None, "en"),
}


def amount_in_words(amount_minor: int, currency: Currency) -> str:
    """Minor units in words: "Rupees One Lakh Twenty Three Thousand and Fifty Paise Only".

    Indonesian rupiah are spelt in whole units, as they are shown.
    """
    unit_name, minor_name, language = _NAMES[currency]
    size = abs(amount_minor)
    if minor_name is None:
        units, minor = divide_half_away_from_zero(size, MINOR_PER_UNIT), 0
    else:
        units, minor = divmod(size, MINOR_PER_UNIT)
    words = ["Minus"] if amount_minor < 0 and (units or minor) else []
    words += [unit_name, _number(units, language)]
    if minor:
        words += ["and", _number(minor, language), str(minor_name)]
    return " ".join([*words, "Only"])


def _number(number: int, language: str) -> str:
    if language == "en_IN" and number >= _CRORE:
        # num2words counts to a thousand crore in Indian English; above it, crores are counted the same way.
        crores, rest = divmod(number, _CRORE)
        return f"{_number(crores, language)} Crore" + (f" {_number(rest, language)}" if rest else "")
    spelt = num2words(number, lang=language).replace(",", "").replace("-", " ").split()
    return " ".join(word.capitalize() for word in spelt if word != "and")
