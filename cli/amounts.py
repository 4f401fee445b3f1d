"""Amounts of money as people type them."""

from decimal import Decimal, InvalidOperation

from domain.errors import InvalidInput


def read_amount(text: str) -> Decimal:
    """An amount in currency units. Raises InvalidInput for what is not a number."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(f"amount: {text!r} is not a number, e.g. 1000.00") from error
