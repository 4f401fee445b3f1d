"""Amounts of money as people type them."""

from decimal import Decimal, InvalidOperation

from domain.errors import InvalidInput
from domain.money import MINOR_PER_UNIT


def read_amount(text: str) -> Decimal:
    """An amount in currency units. Raises InvalidInput for what is not a number."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(f"amount: {text!r} is not a number, e.g. 1000.00") from error


def read_minor(text: str) -> int:
    """An amount in minor units, as banks and gateways move them. Raises InvalidInput for what has more than two decimals."""
    minor = read_amount(text) * MINOR_PER_UNIT
    if not minor.is_finite() or minor != int(minor):
        raise InvalidInput(f"amount: {text} is not an amount with two decimals")
    return int(minor)
