"""Graduated: the units of each tier at that tier's own price."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from domain.errors import InvalidInput
from domain.money import divide_half_away_from_zero
from domain.pricing.unit_price import read_unit_price
from domain.usage import QUANTITY_SCALE


@dataclass(frozen=True, slots=True)
class Tier:
    """Units above the tier before, up to and including `up_to_units` (None: without end)."""

    up_to_units: int | None
    unit_price_micros: int


@dataclass(frozen=True, slots=True)
class Graduated:
    """Tiers in rising order; only the last has no end."""

    tiers: tuple[Tier, ...]

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "graduated", "tiers": [{"up_to": 1000, "unit_price": "0.20"}, {"unit_price": "0.15"}]}."""
        rows = document.get("tiers")
        if not isinstance(rows, list) or not rows:
            raise InvalidInput(f"{path}.tiers: needs at least one tier")
        tiers = []
        floor = 0
        for number, row in enumerate(rows):
            where = f"{path}.tiers[{number}]"
            if not isinstance(row, Mapping):
                raise InvalidInput(f"{where}: must have a unit_price, and up_to in every tier but the last")
            up_to = row.get("up_to")
            if (up_to is None) != (number == len(rows) - 1):
                raise InvalidInput(f"{where}.up_to: every tier but the last has an end, and the last has none")
            if up_to is not None and (type(up_to) is not int or up_to <= floor):
                raise InvalidInput(f"{where}.up_to: must be a whole number above {floor}")
            tiers.append(Tier(up_to, read_unit_price(row, path=where)))
            floor = up_to if up_to is not None else floor
        return cls(tuple(tiers))

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros: each tier's share at its own price, rounded once."""
        total = 0
        floor = 0
        for tier in self.tiers:
            end = tier.up_to_units
            top = quantity_millionths if end is None else min(quantity_millionths, end * QUANTITY_SCALE)
            if top <= floor:
                break
            total += (top - floor) * tier.unit_price_micros
            floor = top
        return divide_half_away_from_zero(total, QUANTITY_SCALE)
