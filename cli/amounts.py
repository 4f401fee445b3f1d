"""Amounts of money as people type them."""

from decimal import Decimal, InvalidOperation
from typing import Final

from domain.errors import InvalidInput
from domain.money import MINOR_PER_UNIT

_DIGITS_MAX: Final = 30
"""Before the decimal point, and after it: what is no amount of money is not reckoned with."""


def read_amount(text: str) -> Decimal:
    """An amount in currency units. Raises InvalidInput for what is not a number, or larger than any amount."""
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(f"amount: {text!r} is not a number, e.g. 1000.00") from error
    if not amount.is_finite() or not -_DIGITS_MAX <= amount.adjusted() < _DIGITS_MAX:
        raise InvalidInput(f"amount: {text!r} is not an amount of money, e.g. 1000.00")
    return amount


def read_minor(text: str) -> int:
    """An amount in minor units, as banks and gateways move them. Raises InvalidInput for what has more than two decimals."""
    minor = read_amount(text) * MINOR_PER_UNIT
    if minor != int(minor):
        raise InvalidInput(f"amount: {text} is not an amount with two decimals")
    return int(minor)
