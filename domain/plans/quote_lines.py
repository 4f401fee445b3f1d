"""The lines of a quote: usage and adjustments as rated, fees as they will be booked, each with its arithmetic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.catalogue.charges import UNDER
from domain.errors import FieldError
from domain.money import decimal_from_micros, decimal_from_minor, minor_from_micros
from domain.plans.document import PlanDocument
from domain.plans.fees import Commitment, Fee, OneTime, Recurring
from domain.plans.quote import Rated, rate_usage
from domain.plans.quoted_fees import Money, quoted_fees
from domain.plans.quoted_usage import QuotedUsage
from domain.pricing.price_fields import written_decimal
from domain.pricing.step import Step, decimal_text
from domain.rating.places import AdjustmentPlace, PartPlace, TotalKey, UsagePlace
from domain.rating.running import Total

_KINDS: Final[Mapping[type[Fee], str]] = {Recurring: "recurring", OneTime: "one_time", Commitment: "commitment"}


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line, as an invoice would have it."""

    charge: str
    kind: str
    description: str
    period: str
    """The service month, 2026-10; a fee's days, 2026-10-01/2026-11-01, or "once". Empty where nothing has a time."""
    invoice: str
    """The month whose invoice has it: 2026-10. Empty where nothing has a time."""
    price_cell: str
    """"sms/IN"; "*" when the price is not a matrix."""
    under: tuple[str, ...]
    """Adjustments that come or go within the plan's life; usage under them has a line, and tiers, of its own."""
    quantity: str
    """Units; of an adjustment, the money it is a function of."""
    unit: str
    events: int
    price: str
    amount_micros: int
    steps: tuple[Step, ...]
    """They add up to the amount."""

    def document(self) -> dict[str, Any]:
        """As JSON. Amounts are exact decimals in currency units; `invoiced` is rounded as an invoice line is."""
        return {
            "charge": self.charge,
            "kind": self.kind,
            "description": self.description,
            "period": self.period,
            "invoice": self.invoice,
            "price_cell": self.price_cell,
            "under": list(self.under),
            "quantity": self.quantity,
            "unit": self.unit,
            "events": self.events,
            "price": self.price,
            "amount": str(decimal_from_micros(self.amount_micros)),
            "invoiced": str(decimal_from_minor(minor_from_micros(self.amount_micros))),
            "explanation": [
                {"step": step.text, "amount": str(decimal_from_micros(step.amount_micros))} for step in self.steps
            ],
        }


@dataclass(frozen=True, slots=True)
class Quote:
    """What usage would come to."""

    plan: PlanDocument
    lines: tuple[QuoteLine, ...]
    unpriced: tuple[FieldError, ...]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        kinds = {"usage": ("usage",), "adjustments": ("adjustment",), "fees": ("recurring", "one_time", "commitment")}
        sums = {name: sum(line.amount_micros for line in self.lines if line.kind in among) for name, among in kinds.items()}
        invoiced = sum(minor_from_micros(line.amount_micros) for line in self.lines)
        totals = {**sums, "total": sum(sums.values())}
        return {
            "plan": self.plan.code,
            "currency": str(self.plan.currency),
            "lines": [line.document() for line in self.lines],
            "totals": {name: str(decimal_from_micros(micros)) for name, micros in totals.items()}
            | {"invoiced": str(decimal_from_minor(invoiced))},
            "unpriced": [{"path": error.path, "reason": error.reason} for error in self.unpriced],
        }


def quote(
    plan: PlanDocument, usage: Sequence[QuotedUsage], *, time_zone: ZoneInfo, starts_at: datetime | None = None
) -> Quote:
    """What usage would come to under a plan, tax not included. Raises Invalid for usage that would be refused.

    The subscription begins at `starts_at`; None: with the month of the earliest usage.
    """
    rated = rate_usage(plan, usage, time_zone=time_zone, starts_at=starts_at)
    lines = [*_usage_lines(plan, rated), *_adjustment_lines(plan, rated), *_fee_lines(plan, rated, time_zone)]
    return Quote(plan, tuple(lines), tuple(rated.unpriced))


def _usage_lines(plan: PlanDocument, rated: Rated) -> Iterator[QuoteLine]:
    order = {charge.charge_id: number for number, charge in enumerate(plan.usage)}
    for key, total in sorted(rated.running.added.items(), key=lambda item: (item[0][1], order.get(item[0][2], 0))):
        place = rated.places[key]
        if isinstance(place, UsagePlace):
            charge, tariff = place.rate.charge, place.rate.cell.tariff
            if not tariff.per_event:
                position = rated.running.positions.get(place.position_key, total)
                steps = _adding_up(tariff.explain(position.quantity_millionths), total)
            elif total.event_count == 1:
                steps = tariff.explain(total.quantity_millionths)
            else:
                steps = (Step(f"{total.event_count:,} events, each by itself", total.amount_micros),)
            yield QuoteLine(
                charge.code,
                "usage",
                charge.description,
                _month(key, rated),
                _month(key, rated),
                *_cell(key),
                written_quantity(total),
                charge.unit,
                total.event_count,
                tariff.printed(plan.currency),
                total.amount_micros,
                steps,
            )


def _adjustment_lines(plan: PlanDocument, rated: Rated) -> Iterator[QuoteLine]:
    order = {one.charge_id: number for number, one in enumerate(plan.adjustments)}
    for key, total in sorted(rated.running.added.items(), key=lambda item: (item[0][1], order.get(item[0][2], 0))):
        place = rated.places[key]
        if isinstance(place, AdjustmentPlace):
            one = place.rate.adjustment
            position = rated.running.positions.get(place.position_key, total)
            yield QuoteLine(
                one.code,
                "adjustment",
                one.description,
                _month(key, rated),
                _month(key, rated),
                "*",
                _cell(key)[1],
                written_quantity(total),
                str(plan.currency),
                total.event_count,
                one.printed(plan.currency),
                total.amount_micros,
                _adding_up(one.explain(position.quantity_millionths), total),
            )


def _adding_up(steps: tuple[Step, ...], total: Total) -> tuple[Step, ...]:
    """Steps of a price whose period is longer than the month: what the period came to, less the rest of it."""
    elsewhere = total.amount_micros - sum(step.amount_micros for step in steps)
    return (*steps, Step("less what the rest of the period came to", elsewhere)) if elsewhere else steps


def _fee_lines(plan: PlanDocument, rated: Rated, time_zone: ZoneInfo) -> Iterator[QuoteLine]:
    money = [
        Money(key.service_month, _counted_as(rated.places[key]), total.amount_micros)
        for key, total in rated.running.added.items()
    ]
    for line in quoted_fees(plan, rated.subscribed, money, time_zone=time_zone):
        fee = line.fee
        yield QuoteLine(
            fee.code,
            _KINDS[type(fee)],
            fee.description,
            line.period if rated.is_dated else "",
            f"{line.invoice_month:%Y-%m}" if rated.is_dated else "",
            "*",
            (),
            written_decimal(line.amount.quantity_millionths),
            "fee" if isinstance(fee, OneTime) else str(fee.every),
            0,
            decimal_text(fee.minimum_micros if isinstance(fee, Commitment) else fee.amount_micros),
            line.amount.amount_micros,
            line.steps,
        )


def _counted_as(place: PartPlace) -> frozenset[str]:
    if isinstance(place, AdjustmentPlace):
        return place.rate.adjustment.applies_to or frozenset()
    if not isinstance(place, UsagePlace):
        raise TypeError(f"{place} is neither usage nor an adjustment")
    return frozenset({place.rate.charge.code})


def _month(key: TotalKey, rated: Rated) -> str:
    return f"{key.service_month:%Y-%m}" if rated.is_dated else ""


def _cell(key: TotalKey) -> tuple[str, tuple[str, ...]]:
    name, *under = key.cell.split(UNDER)
    return name, tuple(under)


def written_quantity(total: Total) -> str:
    """Millionths as a decimal without needless zeros."""
    text = written_decimal(abs(total.quantity_millionths))
    return f"-{text}" if total.quantity_millionths < 0 else text
