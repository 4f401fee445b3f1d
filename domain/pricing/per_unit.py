"""Per unit: quantity times unit price."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from domain.money import divide_half_away_from_zero
from domain.pricing.unit_price import read_unit_price
from domain.usage import QUANTITY_SCALE


@dataclass(frozen=True, slots=True)
class PerUnit:
    """The same price for every unit, in micros per unit."""

    unit_price_micros: int

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "per_unit", "unit_price": "0.1450"}."""
        return cls(read_unit_price(document, path=path))

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros."""
        return divide_half_away_from_zero(self.unit_price_micros * quantity_millionths, QUANTITY_SCALE)
