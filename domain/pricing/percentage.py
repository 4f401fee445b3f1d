"""Percentage: a share of each event's amount, with a fixed part, a minimum and a maximum per event.

The quantity of an event is an amount of money here, in currency units. Each event is priced by itself, because the fixed
part and the bounds are per event, and rounded to a whole micro; the running amount is the sum over the events, so it does
not depend on their order. A correction takes back exactly what the event it corrects cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from domain.errors import Faults
from domain.fields import Fields
from domain.money import Currency, divide_half_away_from_zero
from domain.pricing.price_fields import (
    AMOUNT_MAX,
    DECIMAL_SCHEMA,
    OPTION_SCHEMAS,
    Corrections,
    price_schema,
    read_corrections,
    read_micros,
    written_corrections,
    written_decimal,
)
from domain.pricing.step import Step, decimal_text, printed_price
from domain.usage import QUANTITY_SCALE

PERCENT_MAX: Final = 100
_PERCENT_SCALE: Final = 100 * QUANTITY_SCALE


@dataclass(frozen=True, slots=True)
class Percentage:
    """`percent_millionths` of each event's amount and `fixed_micros` on top, kept within the bounds."""

    percent_millionths: int
    fixed_micros: int = 0
    minimum_micros: int = 0
    maximum_micros: int | None = None
    corrections: Corrections = Corrections.REFUSED

    model: ClassVar[str] = "percentage"
    per_event: ClassVar[bool] = True
    schema: ClassVar[Mapping[str, Any]] = price_schema(
        "percentage",
        {
            "percent": {**DECIMAL_SCHEMA, "description": "Of each event's amount: 2.5 is two and a half hundredths."},
            "fixed": {**DECIMAL_SCHEMA, "description": "On top, for each event."},
            "minimum": {**DECIMAL_SCHEMA, "description": "The least an event costs."},
            "maximum": {**DECIMAL_SCHEMA, "description": "The most an event costs."},
            "corrections": OPTION_SCHEMAS["corrections"],
        },
        required=("percent",),
    )

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "percentage", "percent": "2.5", "fixed": "3.00", "minimum": "5.00", "maximum": "100.00"}.

        Raises Invalid with every fault.
        """
        faults = Faults()
        fields = Fields(document, path=path, faults=faults)
        fields.take("model")
        percent = read_micros(fields, "percent", most=PERCENT_MAX)
        fixed = read_micros(fields, "fixed", most=AMOUNT_MAX, default=0)
        minimum = read_micros(fields, "minimum", most=AMOUNT_MAX, default=0)
        maximum = read_micros(fields, "maximum", most=AMOUNT_MAX) if fields.has("maximum") else fields.take("maximum")
        if maximum is not None and minimum is not None and maximum < minimum:
            fields.fault("maximum", f"must not be below the minimum of {decimal_text(minimum)}")
        fields.out_of_place("free_units", "each event is priced by itself, so there are no first units: leave it out")
        corrections = read_corrections(fields)
        fields.refuse_unknown()
        faults.refuse_if_any()
        return cls(percent or 0, fixed or 0, minimum or 0, maximum, corrections)

    def event_micros(self, quantity_millionths: int) -> int:
        """The price of one event, in micros; of a negative one, minus that of its opposite."""
        if quantity_millionths < 0:
            return -self.event_micros(-quantity_millionths)
        share = divide_half_away_from_zero(self.percent_millionths * quantity_millionths, _PERCENT_SCALE)
        amount = self.fixed_micros + share
        if amount < self.minimum_micros:
            return self.minimum_micros
        if self.maximum_micros is not None and amount > self.maximum_micros:
            return self.maximum_micros
        return amount

    amount_micros = event_micros

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        """The arithmetic of one event; the steps add up to its price."""
        if quantity_millionths < 0:
            return tuple(
                Step(f"taken back: {step.text}", -step.amount_micros) for step in self.explain(-quantity_millionths)
            )
        share = divide_half_away_from_zero(self.percent_millionths * quantity_millionths, _PERCENT_SCALE)
        steps = [Step(f"{self._percent()} of {decimal_text(quantity_millionths)}", share)]
        if self.fixed_micros:
            steps.append(Step("fixed part of the event", self.fixed_micros))
        amount = self.event_micros(quantity_millionths)
        change = amount - share - self.fixed_micros
        if change:
            bound = "raised to the minimum" if change > 0 else "lowered to the maximum"
            steps.append(Step(f"{bound} of {decimal_text(amount)} an event", change))
        return tuple(steps)

    def _percent(self) -> str:
        return f"{decimal_text(self.percent_millionths, decimals_min=0)}%"

    def printed(self, currency: Currency) -> str:
        """The price as an invoice line has it: 2.5% + ₹3.00."""
        fixed = f" + {printed_price(self.fixed_micros, currency, decimals_min=2)}" if self.fixed_micros else ""
        return f"{self._percent()}{fixed}"

    def document(self) -> dict[str, Any]:
        """As a plan document has it; reads back as this price."""
        bounds = {"fixed": self.fixed_micros or None, "minimum": self.minimum_micros or None, "maximum": self.maximum_micros}
        return {
            "model": self.model,
            "percent": written_decimal(self.percent_millionths),
            **{name: written_decimal(micros) for name, micros in bounds.items() if micros is not None},
            **written_corrections(self.corrections),
        }
