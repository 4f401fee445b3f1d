"""Invoice numbers: consecutive in a series of one GSTIN and financial year, at most 16 characters.

Source: CGST Rule 46(b); the e-invoice portal refuses a first character of 0, - or / and compares numbers
without regard to case, so numbers here begin with a letter or 1-9 and are upper case. Which number comes
next is kept by the database, in the transaction that issues; this module says how it is written.
"""

import re
from datetime import date
from typing import Final

from domain.errors import InvalidInput

_NUMBER: Final = re.compile(r"[A-Z1-9][A-Z0-9/-]{0,15}")
_SERIES: Final = re.compile(r"[A-Z1-9][A-Z0-9-]{0,4}")
_FINANCIAL_YEAR: Final = re.compile(r"[0-9]{2}-[0-9]{2}")
_LENGTH_MAX: Final = 16
_DIGITS_MAX: Final = 6


def financial_year(day: date) -> str:
    """The Indian financial year, April to March, of an IST calendar date: "26-27"."""
    begins = day.year - (day.month < 4)
    return f"{begins % 100:02d}-{(begins + 1) % 100:02d}"


def format_number(series: str, financial_year: str, n: int) -> str:
    """The n-th number of a series in a year, n from 1: "OTP/26-27/000001", "OTPC/26-27/00001".

    Raises InvalidInput for a malformed series or year, and when the series is used up for the year.
    """
    if not _SERIES.fullmatch(series):
        raise InvalidInput(f"series: {series!r} must be 1 to 5 capital letters, digits or '-', not beginning with 0 or '-'")
    if not _FINANCIAL_YEAR.fullmatch(financial_year):
        raise InvalidInput(f"financial_year: {financial_year!r} is not of the form 26-27")
    digits = min(_DIGITS_MAX, _LENGTH_MAX - len(f"{series}/{financial_year}/"))
    if not 1 <= n < 10**digits:
        raise InvalidInput(
            f"number: {n} is outside 1 to {10**digits - 1}, what series {series} holds in {financial_year};"
            " begin another series"
        )
    return f"{series}/{financial_year}/{n:0{digits}d}"


def check_number(number: str) -> None:
    """Raises InvalidInput unless the number is one that Rule 46(b) and the e-invoice portal accept."""
    if not _NUMBER.fullmatch(number):
        raise InvalidInput(
            f"number: {number!r} must be 1 to 16 capital letters, digits, '-' or '/', beginning with a letter or 1-9",
            field="number",
        )
