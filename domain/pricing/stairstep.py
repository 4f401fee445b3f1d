"""Stairstep: a fixed amount for the step the total is on, whatever the quantity within it."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any, ClassVar, Self

from domain.errors import Faults
from domain.fields import Fields
from domain.money import Currency
from domain.pricing.price_fields import OPTION_SCHEMAS, Corrections, Options, price_schema, read_options
from domain.pricing.step import NOTHING_USED, Step, add_up, free_part
from domain.pricing.tiers import FLAT_AT_ZERO_SCHEMA, Tier, ends_of, read_tiers, span_text, tiered_document, tiers_schema
from domain.usage import QUANTITY_SCALE


class Steps(StrEnum):
    """Which steps are due."""

    REACHED = "reached"
    """Only the step the total is on: its fee replaces those below."""
    PASSED = "passed"
    """Every step entered so far: the fees add up."""


@dataclass(frozen=True, slots=True)
class Stairstep:
    """Steps in rising order, each with a fee; only the last has no end. They count the units that are not free."""

    tiers: tuple[Tier, ...]
    steps: Steps = Steps.REACHED
    flat_at_zero: bool = False
    """Whether the first step's fee is due while no unit is used; otherwise its first unit brings it."""
    free_units_millionths: int = 0
    corrections: Corrections = Corrections.REFUSED
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _amounts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """What a total on each step costs."""
    _at_zero: int = field(init=False, repr=False, compare=False)

    model: ClassVar[str] = "stairstep"
    per_event: ClassVar[bool] = False
    schema: ClassVar[Mapping[str, Any]] = price_schema(
        "stairstep",
        {
            "tiers": tiers_schema(unit_priced=False),
            "steps": {"description": "The fee of the step reached, or of all steps passed.", "enum": [*Steps]},
            "flat_at_zero": FLAT_AT_ZERO_SCHEMA,
            **OPTION_SCHEMAS,
        },
        required=("tiers",),
    )

    def __post_init__(self) -> None:
        fees = [tier.flat_fee_micros for tier in self.tiers]
        if any(tier.unit_price_micros for tier in self.tiers):
            raise ValueError("a step has a fee and no unit price")
        object.__setattr__(self, "_ends", ends_of(self.tiers))
        object.__setattr__(self, "_amounts", tuple(accumulate(fees) if self.steps is Steps.PASSED else fees))
        object.__setattr__(self, "_at_zero", fees[0] if self.flat_at_zero else 0)

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "stairstep", "tiers": [{"up_to": 1000, "flat_fee": "500"}, {"flat_fee": "900"}]}.

        Raises Invalid with every fault.
        """
        faults = Faults()
        fields = Fields(document, path=path, faults=faults)
        fields.take("model")
        tiers = read_tiers(fields, unit_priced=False)
        steps = fields.choice("steps", [*Steps], default=Steps.REACHED)
        flat_at_zero = fields.boolean("flat_at_zero", default=False)
        options = read_options(fields)
        fields.refuse_unknown()
        faults.refuse_if_any()
        return cls(tiers, Steps(steps or Steps.REACHED), flat_at_zero, *options)

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros; it may fall where the next step is cheaper."""
        priced = quantity_millionths - self.free_units_millionths
        if priced <= 0:
            return self._at_zero
        return self._amounts[bisect_left(self._ends, priced)]

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        """The arithmetic of `amount_micros`; the steps add up to it."""
        parts = free_part(quantity_millionths, self.free_units_millionths) if quantity_millionths > 0 else []
        priced = quantity_millionths - self.free_units_millionths
        if priced > 0:
            reached = bisect_left(self._ends, priced)
            for number in range(reached + 1) if self.steps is Steps.PASSED else (reached,):
                span = span_text(self._ends[number - 1] if number else 0, self.tiers[number])
                parts.append((f"{span}: fee of the step", self.tiers[number].flat_fee_micros * QUANTITY_SCALE))
        elif self._at_zero:
            span = span_text(0, self.tiers[0])
            parts.append((f"{span}: fee of the step, due without usage", self._at_zero * QUANTITY_SCALE))
        return add_up(self.amount_micros(quantity_millionths), parts) or (NOTHING_USED,)

    def printed(self, currency: Currency) -> str:
        """What an invoice line says in place of one unit price."""
        return self.model

    def document(self) -> dict[str, Any]:
        """As a plan document has it; reads back as this price."""
        options = Options(self.free_units_millionths, self.corrections)
        document = tiered_document(self.model, self.tiers, flat_at_zero=self.flat_at_zero, options=options)
        document["tiers"] = [tier.step_document() for tier in self.tiers]
        return document if self.steps is Steps.REACHED else {**document, "steps": str(self.steps)}
