"""Volume: all units at the price of the tier their total falls into.

Reaching a tier reprices what came before, so the event that does it may cost less than nothing; the sum is right.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from domain.money import Currency, divide_half_away_from_zero
from domain.pricing.price_fields import OPTION_SCHEMAS, Corrections, Options, price_schema
from domain.pricing.step import NOTHING_USED, Step, add_up, decimal_text, free_part, units_text
from domain.pricing.tiers import FLAT_AT_ZERO_SCHEMA, Tier, ends_of, read_tiered, span_text, tiered_document, tiers_schema
from domain.usage import QUANTITY_SCALE


@dataclass(frozen=True, slots=True)
class Volume:
    """Tiers in rising order; only the last has no end. They count the units that are not free."""

    tiers: tuple[Tier, ...]
    flat_at_zero: bool = False
    """Whether the first tier's flat fee is due while no unit is used; otherwise its first unit brings it."""
    free_units_millionths: int = 0
    corrections: Corrections = Corrections.REFUSED
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _unit_prices: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _flat_fees: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _at_zero: int = field(init=False, repr=False, compare=False)

    model: ClassVar[str] = "volume"
    per_event: ClassVar[bool] = False
    schema: ClassVar[Mapping[str, Any]] = price_schema(
        "volume",
        {"tiers": tiers_schema(), "flat_at_zero": FLAT_AT_ZERO_SCHEMA, **OPTION_SCHEMAS},
        required=("tiers",),
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", ends_of(self.tiers))
        object.__setattr__(self, "_unit_prices", tuple(tier.unit_price_micros for tier in self.tiers))
        object.__setattr__(self, "_flat_fees", tuple(tier.flat_fee_micros for tier in self.tiers))
        object.__setattr__(self, "_at_zero", self.tiers[0].flat_fee_micros if self.flat_at_zero else 0)

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "volume", "tiers": [{"up_to": 1000, "unit_price": "0.20"}, {"unit_price": "0.15"}]}.

        Raises Invalid with every fault.
        """
        tiers, flat_at_zero, options = read_tiered(document, path=path)
        return cls(tiers, flat_at_zero, *options)

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros; it may fall where the next tier is cheaper."""
        priced = quantity_millionths - self.free_units_millionths
        if priced <= 0:
            return self._at_zero
        tier = bisect_left(self._ends, priced)
        return self._flat_fees[tier] + divide_half_away_from_zero(priced * self._unit_prices[tier], QUANTITY_SCALE)

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        """The arithmetic of `amount_micros`; the steps add up to it."""
        parts = free_part(quantity_millionths, self.free_units_millionths) if quantity_millionths > 0 else []
        priced = quantity_millionths - self.free_units_millionths
        if priced <= 0:
            if self._at_zero:
                parts.append((f"{span_text(0, self.tiers[0])}: flat fee, due without usage", self._at_zero * QUANTITY_SCALE))
            return add_up(self._at_zero, parts) or (NOTHING_USED,)
        number = bisect_left(self._ends, priced)
        tier = self.tiers[number]
        span = span_text(self._ends[number - 1] if number else 0, tier)
        if tier.flat_fee_micros:
            parts.append((f"{span}: flat fee", tier.flat_fee_micros * QUANTITY_SCALE))
        if tier.unit_price_micros or not tier.flat_fee_micros:
            text = f"{span}: all {units_text(priced)} × {decimal_text(tier.unit_price_micros)}"
            parts.append((text, priced * tier.unit_price_micros))
        return add_up(self.amount_micros(quantity_millionths), parts)

    def printed(self, currency: Currency) -> str:
        """What an invoice line says in place of one unit price."""
        return self.model

    def document(self) -> dict[str, Any]:
        """As a plan document has it; reads back as this price."""
        options = Options(self.free_units_millionths, self.corrections)
        return tiered_document(self.model, self.tiers, flat_at_zero=self.flat_at_zero, options=options)
