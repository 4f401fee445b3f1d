"""Fees of plan documents: charges that no event brings. Recurring fees, one-time fees, commitments."""

from dataclasses import dataclass
from typing import Any, Final

from domain.billing_cycle import Anchor, Interval
from domain.fee_terms import Billed
from domain.fields import Fields
from domain.plans.limits import CHARGES_MAX
from domain.plans.plan_fields import read_code, read_codes, read_line, read_sac
from domain.pricing.price_fields import AMOUNT_MAX, read_micros, written_decimal

_INTERVALS: Final = (*Interval,)
_BILLED: Final = (*Billed,)
_ANCHORS: Final = (*Anchor,)


@dataclass(frozen=True, slots=True)
class Recurring:
    """A fee for every period."""

    code: str
    description: str
    sac: str
    amount_micros: int
    every: Interval = Interval.MONTH
    billed: Billed = Billed.IN_ADVANCE
    anchor: Anchor = Anchor.CALENDAR
    prorate: bool = True
    """Whether part of a period costs part of the fee."""

    def document(self) -> dict[str, Any]:
        """As a plan document has it, every option written out."""
        return {
            "code": self.code,
            "kind": "recurring",
            "description": self.description,
            "sac": self.sac,
            "amount": written_decimal(self.amount_micros, places_min=2),
            "every": str(self.every),
            "billed": str(self.billed),
            "anchor": str(self.anchor),
            "prorate": self.prorate,
        }


@dataclass(frozen=True, slots=True)
class OneTime:
    """A fee once, when the subscription begins."""

    code: str
    description: str
    sac: str
    amount_micros: int

    def document(self) -> dict[str, Any]:
        """As a plan document has it."""
        return {
            "code": self.code,
            "kind": "one_time",
            "description": self.description,
            "sac": self.sac,
            "amount": written_decimal(self.amount_micros, places_min=2),
        }


@dataclass(frozen=True, slots=True)
class Commitment:
    """At least so much every period: what the charges it counts come to less is due when the period has ended."""

    code: str
    description: str
    sac: str
    minimum_micros: int
    every: Interval = Interval.MONTH
    counts: tuple[str, ...] | None = None
    """Codes of usage charges; None: all of them. An adjustment counts when all it applies to does."""
    prorate: bool = True
    """Whether part of a period has part of the minimum."""

    def document(self) -> dict[str, Any]:
        """As a plan document has it."""
        document = {
            "code": self.code,
            "kind": "commitment",
            "description": self.description,
            "sac": self.sac,
            "minimum": written_decimal(self.minimum_micros, places_min=2),
            "every": str(self.every),
            "prorate": self.prorate,
        }
        return document if self.counts is None else {**document, "counts": list(self.counts)}


Fee = Recurring | OneTime | Commitment


def read_fee(fields: Fields, kind: str) -> Fee:
    """A fee of a kind. Faults go to the fields; what is wrong reads as nothing."""
    code = read_code(fields) or ""
    description = read_line(fields, "description")
    sac = read_sac(fields) or ""
    if kind == "one_time":
        return OneTime(code, description, sac, read_micros(fields, "amount", most=AMOUNT_MAX) or 0)
    if kind == "recurring":
        return Recurring(
            code,
            description,
            sac,
            read_micros(fields, "amount", most=AMOUNT_MAX) or 0,
            Interval(fields.choice("every", _INTERVALS, default=Interval.MONTH) or Interval.MONTH),
            Billed(fields.choice("billed", _BILLED, default=Billed.IN_ADVANCE) or Billed.IN_ADVANCE),
            Anchor(fields.choice("anchor", _ANCHORS, default=Anchor.CALENDAR) or Anchor.CALENDAR),
            fields.boolean("prorate", default=True),
        )
    minimum = read_micros(fields, "minimum", most=AMOUNT_MAX) or 0
    every = Interval(fields.choice("every", _INTERVALS, default=Interval.MONTH) or Interval.MONTH)
    counts = read_codes(fields, "counts", most=CHARGES_MAX, what="usage charge") if fields.has("counts") else None
    fields.take("counts")
    return Commitment(code, description, sac, minimum, every, counts, fields.boolean("prorate", default=True))
