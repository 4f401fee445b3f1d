"""Tiers: parts of a running total that meet at their edges, each with its own price.

A tier ends at `up_to`, which belongs to it; the next begins right above. Only the last has no end. Bounds may be decimals,
because quantities are. Tiers count the units that are not free.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import Faults
from domain.fields import Fields, shown
from domain.pricing.price_fields import (
    AMOUNT_MAX,
    DECIMAL_SCHEMA,
    QUANTITY_SCHEMA,
    UNIT_PRICE_MAX,
    Options,
    read_micros,
    read_options,
    read_quantity,
    written_decimal,
    written_quantity,
)
from domain.pricing.step import units_text

TIERS_MAX: Final = 1_000
FLAT_AT_ZERO_SCHEMA: Final[Mapping[str, Any]] = {
    "description": "Whether the first tier's flat fee is due while nothing is used.",
    "type": "boolean",
}


@dataclass(frozen=True, slots=True)
class Tier:
    """Units above the tier before, up to and including `up_to_millionths` (None: without end)."""

    up_to_millionths: int | None
    unit_price_micros: int
    flat_fee_micros: int = 0

    def document(self) -> dict[str, Any]:
        """As a plan document has it."""
        document: dict[str, Any] = {}
        if self.up_to_millionths is not None:
            document["up_to"] = written_quantity(self.up_to_millionths)
        if self.unit_price_micros or not self.flat_fee_micros:
            document["unit_price"] = written_decimal(self.unit_price_micros)
        if self.flat_fee_micros:
            document["flat_fee"] = written_decimal(self.flat_fee_micros)
        return document

    def step_document(self) -> dict[str, Any]:
        """As a plan document has a step of a stairstep: its fee stands there even when it is nothing."""
        ends = {} if self.up_to_millionths is None else {"up_to": written_quantity(self.up_to_millionths)}
        return {**ends, "flat_fee": written_decimal(self.flat_fee_micros)}


def read_tiered(document: Mapping[str, Any], *, path: str) -> tuple[tuple[Tier, ...], bool, Options]:
    """Tiers, `flat_at_zero` and the options of a price of tiers with unit prices. Raises Invalid with every fault."""
    faults = Faults()
    fields = Fields(document, path=path, faults=faults)
    fields.take("model")
    tiers = read_tiers(fields)
    flat_at_zero = fields.boolean("flat_at_zero", default=False)
    options = read_options(fields)
    fields.refuse_unknown()
    faults.refuse_if_any()
    return tiers, flat_at_zero, options


def tiered_document(model: str, tiers: Sequence[Tier], *, flat_at_zero: bool, options: Options) -> dict[str, Any]:
    """The document of a price with tiers; options at their default are left out."""
    flat = {"flat_at_zero": True} if flat_at_zero else {}
    return {"model": model, "tiers": [tier.document() for tier in tiers], **flat, **options.document()}


def ends_of(tiers: Sequence[Tier]) -> tuple[int, ...]:
    """Where each tier but the last ends, in millionths. Raises ValueError unless they rise and only the last is open."""
    ends = tuple(tier.up_to_millionths for tier in tiers[:-1])
    rising = [end for end in ends if end is not None]
    if not tiers or tiers[-1].up_to_millionths is not None or len(rising) != len(ends):
        raise ValueError("every tier but the last has an end, and the last has none")
    if any(end <= floor for floor, end in zip([0, *rising], rising, strict=False)):
        raise ValueError("the ends of tiers must rise from above 0")
    return tuple(rising)


def span_text(floor_millionths: int, tier: Tier) -> str:
    """Which units a tier is about: "up to 1,000", "above 1,000, up to 5,000", "above 5,000", "any quantity"."""
    parts = []
    if floor_millionths:
        parts.append(f"above {units_text(floor_millionths)}")
    if tier.up_to_millionths is not None:
        parts.append(f"up to {units_text(tier.up_to_millionths)}")
    return ", ".join(parts) or "any quantity"


def read_tiers(fields: Fields, *, unit_priced: bool = True) -> tuple[Tier, ...]:
    """`tiers` of a price: each with a unit price, a flat fee or both; without unit prices, with a flat fee."""
    rows = fields.rows("tiers", most=TIERS_MAX, what="tier")
    tiers: list[Tier] = []
    floor: int | None = 0
    for number, row in enumerate(rows):
        tier = Fields(row, path=f"{fields.at('tiers')}[{number}]", faults=fields.faults)
        _check_above(tier, floor)
        end = _read_end(tier, floor, last=number == len(rows) - 1)
        if unit_priced:
            unit_price = read_micros(tier, "unit_price", most=UNIT_PRICE_MAX, default=0 if tier.has("flat_fee") else None)
            flat_fee = read_micros(tier, "flat_fee", most=AMOUNT_MAX, default=0)
        else:
            unit_price = 0
            flat_fee = read_micros(tier, "flat_fee", most=AMOUNT_MAX)
        tier.refuse_unknown()
        tiers.append(Tier(end, unit_price or 0, flat_fee or 0))
        # An end that cannot be read says nothing about the tiers after it.
        floor = end
    return tuple(tiers)


def _read_end(tier: Fields, floor: int | None, *, last: bool) -> int | None:
    if tier.has("up_to") == last:
        tier.take("up_to")
        tier.fault("up_to", "every tier but the last has an end, and the last has none")
        return None
    if last:
        tier.take("up_to")
        return None
    end = read_quantity(tier, "up_to", least_millionths=1)
    if end is not None and floor is not None and end <= floor:
        tier.fault("up_to", f"must be above {units_text(floor)}, where the tier before ends: put the tiers in rising order")
        return None
    return end


def _check_above(tier: Fields, floor: int | None) -> None:
    """`above` may say again where the tier before ends, for the reader's sake; then it has to be true."""
    if not tier.has("above"):
        tier.take("above")
        return
    above = read_quantity(tier, "above", least_millionths=0)
    if above is None or floor is None or above == floor:
        return
    what = "overlaps the tier before" if above < floor else "leaves a gap after the tier before"
    tier.fault("above", f"{shown(units_text(above))} {what}: write {written_quantity(floor)}, or leave `above` out")


def tiers_schema(*, unit_priced: bool = True) -> Mapping[str, Any]:
    """The schema of `tiers`."""
    ends = {
        "above": {"description": "Where the tier before ends; may be left out.", **QUANTITY_SCHEMA},
        "up_to": {"description": "The last unit of this tier; left out in the last tier.", **QUANTITY_SCHEMA},
    }
    prices = {"unit_price": DECIMAL_SCHEMA, "flat_fee": DECIMAL_SCHEMA} if unit_priced else {"flat_fee": DECIMAL_SCHEMA}
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": TIERS_MAX,
        "items": {
            "type": "object",
            "properties": {**ends, **prices},
            "anyOf": [{"required": [name]} for name in prices],
            "additionalProperties": False,
        },
    }
