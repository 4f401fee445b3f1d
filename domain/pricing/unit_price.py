"""Reading unit prices: exact decimals of at most 6 places, as whole micros per unit."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from domain.errors import InvalidInput
from domain.money import micros_from_decimal

UNIT_PRICE_MAX: Final = 10_000


def read_unit_price(document: Mapping[str, Any], *, path: str) -> int:
    """`unit_price` in micros per unit. Raises InvalidInput unless it is a decimal text, not negative, of ≤ 6 places."""
    text = document.get("unit_price")
    if not isinstance(text, str):
        raise InvalidInput(f'{path}.unit_price: must be a decimal in quotes, e.g. "0.1450"')
    try:
        price = Decimal(text)
        # The range first: a price of 1e999999999 or Infinity cannot be converted at all.
        if not (price.is_finite() and 0 <= price <= UNIT_PRICE_MAX):
            raise InvalidInput(f"{path}.unit_price: {text!r} must be between 0 and {UNIT_PRICE_MAX:,}")
        return micros_from_decimal(price)
    except (InvalidOperation, ValueError) as error:
        raise InvalidInput(f"{path}.unit_price: {text!r} is not a decimal of at most 6 places") from error
