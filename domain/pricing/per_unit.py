"""Per unit: quantity times unit price."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from domain.errors import Faults
from domain.fields import Fields
from domain.money import Currency, divide_half_away_from_zero
from domain.pricing.price_fields import (
    DECIMAL_SCHEMA,
    OPTION_SCHEMAS,
    UNIT_PRICE_MAX,
    Corrections,
    Options,
    plain_micros,
    price_schema,
    read_micros,
    read_options,
    written_decimal,
)
from domain.pricing.step import NOTHING_USED, Step, add_up, decimal_text, free_part, printed_price, units_text
from domain.usage import QUANTITY_SCALE


@dataclass(frozen=True, slots=True)
class PerUnit:
    """The same price for every unit that is not free, in micros per unit."""

    unit_price_micros: int
    free_units_millionths: int = 0
    corrections: Corrections = Corrections.REFUSED

    model: ClassVar[str] = "per_unit"
    per_event: ClassVar[bool] = False
    schema: ClassVar[Mapping[str, Any]] = price_schema(
        "per_unit", {"unit_price": DECIMAL_SCHEMA, **OPTION_SCHEMAS}, required=("unit_price",)
    )

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "per_unit", "unit_price": "0.1450"}. Raises Invalid with every fault."""
        plain = plain_micros(document, "unit_price", most=UNIT_PRICE_MAX)
        if plain is not None:
            return cls(plain)
        faults = Faults()
        fields = Fields(document, path=path, faults=faults)
        fields.take("model")
        unit_price = read_micros(fields, "unit_price", most=UNIT_PRICE_MAX)
        options = read_options(fields)
        fields.refuse_unknown()
        faults.refuse_if_any()
        return cls(unit_price or 0, *options)

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros."""
        priced = quantity_millionths - self.free_units_millionths
        if priced <= 0:
            return 0
        return divide_half_away_from_zero(self.unit_price_micros * priced, QUANTITY_SCALE)

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        """The arithmetic of `amount_micros`; the steps add up to it."""
        if quantity_millionths <= 0:
            return (NOTHING_USED,)
        parts = free_part(quantity_millionths, self.free_units_millionths)
        priced = quantity_millionths - self.free_units_millionths
        if priced > 0:
            text = f"{units_text(priced)} × {decimal_text(self.unit_price_micros)}"
            parts.append((text, priced * self.unit_price_micros))
        return add_up(self.amount_micros(quantity_millionths), parts)

    def printed(self, currency: Currency) -> str:
        """The unit price as an invoice line has it: ₹0.1450."""
        return printed_price(self.unit_price_micros, currency)

    def document(self) -> dict[str, Any]:
        """As a plan document has it; reads back as this price."""
        options = Options(self.free_units_millionths, self.corrections)
        return {"model": self.model, "unit_price": written_decimal(self.unit_price_micros), **options.document()}
