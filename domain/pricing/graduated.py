"""Graduated: the units of each tier at that tier's own price, and the flat fee of each tier entered."""

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
class Graduated:
    """Tiers in rising order; only the last has no end. They count the units that are not free."""

    tiers: tuple[Tier, ...]
    flat_at_zero: bool = False
    """Whether the first tier's flat fee is due while no unit is used; otherwise its first unit brings it."""
    free_units_millionths: int = 0
    corrections: Corrections = Corrections.REFUSED
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _floors: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _bases: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """What all units up to the floor and all flat fees up to the tier come to, in micros × 1,000,000."""
    _unit_prices: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _at_zero: int = field(init=False, repr=False, compare=False)

    model: ClassVar[str] = "graduated"
    per_event: ClassVar[bool] = False
    schema: ClassVar[Mapping[str, Any]] = price_schema(
        "graduated",
        {"tiers": tiers_schema(), "flat_at_zero": FLAT_AT_ZERO_SCHEMA, **OPTION_SCHEMAS},
        required=("tiers",),
    )

    def __post_init__(self) -> None:
        free = self.free_units_millionths
        ends = ends_of(self.tiers)
        floors = (0, *ends)
        bases = []
        base = 0
        for number, tier in enumerate(self.tiers):
            base += tier.flat_fee_micros * QUANTITY_SCALE
            bases.append(base)
            if number < len(ends):
                base += (ends[number] - floors[number]) * tier.unit_price_micros
        object.__setattr__(self, "_ends", tuple(end + free for end in ends))
        object.__setattr__(self, "_floors", tuple(floor + free for floor in floors))
        object.__setattr__(self, "_bases", tuple(bases))
        object.__setattr__(self, "_unit_prices", tuple(tier.unit_price_micros for tier in self.tiers))
        object.__setattr__(self, "_at_zero", self.tiers[0].flat_fee_micros if self.flat_at_zero else 0)

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "graduated", "tiers": [{"up_to": 1000, "unit_price": "0.20"}, {"unit_price": "0.15"}]}.

        Raises Invalid with every fault.
        """
        tiers, flat_at_zero, options = read_tiered(document, path=path)
        return cls(tiers, flat_at_zero, *options)

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros: each tier's share at its own price, rounded once."""
        if quantity_millionths <= self._floors[0]:
            return self._at_zero
        tier = bisect_left(self._ends, quantity_millionths)
        scaled = self._bases[tier] + (quantity_millionths - self._floors[tier]) * self._unit_prices[tier]
        return divide_half_away_from_zero(scaled, QUANTITY_SCALE)

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        """The arithmetic of `amount_micros`, tier by tier; the steps add up to it."""
        parts = free_part(quantity_millionths, self.free_units_millionths) if quantity_millionths > 0 else []
        priced = max(quantity_millionths - self.free_units_millionths, 0)
        if not priced and self._at_zero:
            parts.append((f"{span_text(0, self.tiers[0])}: flat fee, due without usage", self._at_zero * QUANTITY_SCALE))
        floor = 0
        for tier in self.tiers:
            if priced <= floor:
                break
            inside = priced - floor if tier.up_to_millionths is None else min(priced, tier.up_to_millionths) - floor
            span = span_text(floor, tier)
            if tier.flat_fee_micros:
                parts.append((f"{span}: flat fee", tier.flat_fee_micros * QUANTITY_SCALE))
            if tier.unit_price_micros or not tier.flat_fee_micros:
                text = f"{span}: {units_text(inside)} × {decimal_text(tier.unit_price_micros)}"
                parts.append((text, inside * tier.unit_price_micros))
            floor += inside
        return add_up(self.amount_micros(quantity_millionths), parts) or (NOTHING_USED,)

    def printed(self, currency: Currency) -> str:
        """What an invoice line says in place of one unit price."""
        return self.model

    def document(self) -> dict[str, Any]:
        """As a plan document has it; reads back as this price."""
        options = Options(self.free_units_millionths, self.corrections)
        return tiered_document(self.model, self.tiers, flat_at_zero=self.flat_at_zero, options=options)
