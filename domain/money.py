"""Money: currencies, whole micros and minor units, and THE rounding function.

Usage is booked in *micros* (1/1,000,000 of the currency unit) as int; invoices are written in *minor units*
(paise, cents) as int; unit prices are Decimal. Nothing here or above it ever holds a float (DESIGN §3.10).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

MICROS_PER_UNIT: Final = 1_000_000


class Currency(StrEnum):
    """The currencies OTPless bills in (ISO 4217)."""

    INR = "INR"
    USD = "USD"
    IDR = "IDR"


@dataclass(frozen=True, slots=True)
class CurrencyFormat:
    """How one currency is written: both gateways take two-decimal minor units for all three (DESIGN §6)."""

    symbol: str
    decimals_shown: int
    indian_grouping: bool


MINOR_PER_UNIT: Final = 100
MICROS_PER_MINOR: Final = MICROS_PER_UNIT // MINOR_PER_UNIT
FORMATS: Final = {
    Currency.INR: CurrencyFormat("₹", decimals_shown=2, indian_grouping=True),
    Currency.USD: CurrencyFormat("$", decimals_shown=2, indian_grouping=False),
    Currency.IDR: CurrencyFormat("Rp", decimals_shown=0, indian_grouping=False),
}


def divide_half_away_from_zero(numerator: int, denominator: int) -> int:
    """The one rounding rule: numerator / denominator to the nearest integer, halves away from zero.

    Raises ZeroDivisionError for a zero denominator and ValueError for a negative one.
    """
    if denominator < 0:
        raise ValueError("the denominator must be positive")
    quotient, remainder = divmod(abs(numerator), denominator)
    if remainder * 2 >= denominator:
        quotient += 1
    return quotient if numerator >= 0 else -quotient


def minor_from_micros(micros: int) -> int:
    """Booked micros as whole minor units; called once per invoice line and nowhere else (DESIGN §3.10)."""
    return divide_half_away_from_zero(micros, MICROS_PER_MINOR)


def micros_from_decimal(amount: Decimal) -> int:
    """An exact amount in currency units as micros. Raises ValueError when it has more than 6 decimals."""
    numerator, denominator = amount.as_integer_ratio()
    micros, rest = divmod(numerator * MICROS_PER_UNIT, denominator)
    if rest:
        raise ValueError(f"{amount} has more than 6 decimals; prices go to 6")
    return micros


def decimal_from_micros(micros: int) -> Decimal:
    """Micros as an exact amount in currency units, six decimals."""
    return Decimal(f"{micros}e-6")  # read from a text it is exact however many digits it has; scaled it would have 28


def decimal_from_minor(minor: int) -> Decimal:
    """Minor units as an exact amount in currency units, two decimals."""
    return Decimal(f"{minor}e-2")


def group_digits(digits: str, *, indian: bool) -> str:
    """Thousands separators: 12,34,567 the Indian way, 1,234,567 otherwise."""
    if not indian or len(digits) <= 3:
        return f"{int(digits):,}"
    head, tail = digits[:-3], digits[-3:]
    first = len(head) % 2
    pairs = ([head[:first]] if first else []) + [head[i : i + 2] for i in range(first, len(head), 2)]
    return ",".join([*pairs, tail])


def format_minor(minor: int, currency: Currency) -> str:
    """Minor units as a customer reads them: ₹1,23,456.50, $1,234.50, Rp1,234 (IDR rounds to whole units)."""
    style = FORMATS[currency]
    if style.decimals_shown == 0:
        minor = divide_half_away_from_zero(minor, MINOR_PER_UNIT) * MINOR_PER_UNIT
    units, cents = divmod(abs(minor), MINOR_PER_UNIT)
    text = style.symbol + group_digits(str(units), indian=style.indian_grouping)
    if style.decimals_shown:
        text += f".{cents:02d}"
    return f"-{text}" if minor < 0 else text
