"""Explain a charge from what is booked: meter, plan, contract, price, tier, arithmetic, and the position before and after.

The arithmetic is that of the price itself (`explain`), before and after; what an event or line comes to is the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.catalogue import Adjustment, Charge
from domain.catalogue.charges import UNDER
from domain.catalogue.meters import QUANTITY, Meter
from domain.invoice.due_usage import BilledFee
from domain.money import Currency
from domain.pricing.step import Step, decimal_text, units_text
from invoicing.explanation_ports import BookedCharge, BookedLine, BookedPart, ExplainedCharge

WITHIN_BATCH = "the order within its batch is not on record: the position is that of the whole batch"
RERATED = {
    "reversal": "given back: re-rating put the event on other charges or prices",
    "replacement": "booked by re-rating in place of what was given back",
    "repricing": "what re-rating other events did to this running total",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One charge explained; amounts in micros, quantities in millionths (of adjustments: the money, in micros)."""

    title: str
    owner: str
    """ "plan otp-india v1, charge otp"."""
    meters: Sequence[str]
    price: str
    under: Sequence[str]
    """Adjustments the usage of this running total is under."""
    position: str
    before: int
    after: int
    steps_before: Sequence[Step]
    steps_after: Sequence[Step]
    amount_micros: int
    note: str

    def facts(self) -> dict[str, Any]:
        """As a program reads it."""
        return {
            "title": self.title,
            "owner": self.owner,
            "meters": list(self.meters),
            "price": self.price,
            "under": list(self.under),
            "position": self.position,
            "before_millionths": self.before,
            "after_millionths": self.after,
            "steps_before": [{"text": step.text, "amount_micros": step.amount_micros} for step in self.steps_before],
            "steps_after": [{"text": step.text, "amount_micros": step.amount_micros} for step in self.steps_after],
            "amount_micros": self.amount_micros,
            "note": self.note,
        }


def explain_event(booked: BookedCharge) -> list[Explained]:
    """Each part of an event."""
    return [_part(part, booked.currency) for part in booked.parts]


def explain_line(line: BookedLine) -> Explained:
    """A line of an issued invoice: what its running total had gained since invoices last took from it."""
    charge, cell = line.charge, line.price_cell
    before, after = line.before_millionths, line.before_millionths + line.quantity_millionths
    if not line.is_whole:
        worked = _Worked(before, after, note="its price is a function of more than this total: see its events")
    elif _is_per_event(charge, cell):
        note = f"the sum of what its {line.event_count:,} events came to, each priced by itself"
        worked = _Worked(before, after, note=note)
    else:
        # Nothing was billed before, or what is due without usage.
        begun = before or line.before_micros
        worked = _Worked(before, after, _steps(charge, cell, before) if begun else (), _steps(charge, cell, after))
        if not isinstance(charge.billed, BilledFee) and worked.difference() != line.amount_micros:
            worked = worked._replace(note="the arithmetic does not come to the amount: run `billing recompute`")
    position = f"{line.service_month:%Y-%m} of {line.account}"
    return _explained(charge, cell, line.currency, position=position, worked=worked, amount_micros=line.amount_micros)


class _Worked(NamedTuple):
    """Quantities and the arithmetic at them."""

    before: int
    after: int
    steps_before: Sequence[Step] = ()
    steps_after: Sequence[Step] = ()
    note: str = ""

    def difference(self) -> int:
        return _sum(self.steps_after) - _sum(self.steps_before)


def _part(part: BookedPart, currency: Currency) -> Explained:
    charge, cell = part.charge, part.price_cell
    before, after = part.before_millionths, part.before_millionths + part.metered_millionths
    if part.kind != "part":
        worked = _Worked(before, after, note=RERATED[part.kind])
    elif _is_per_event(charge, cell):
        worked = _Worked(before, after, steps_after=_steps(charge, cell, part.metered_millionths))
    else:
        begun = before or part.before_micros
        worked = _Worked(before, after, _steps(charge, cell, before) if begun else (), _steps(charge, cell, after))
        if _sum(worked.steps_after) - part.before_micros != part.amount_micros:
            after = before + part.batch_millionths
            worked = worked._replace(after=after, steps_after=_steps(charge, cell, after), note=WITHIN_BATCH)
    return _explained(charge, cell, currency, position=part.position, worked=worked, amount_micros=part.amount_micros)


def _explained(
    charge: ExplainedCharge, cell: str, currency: Currency, *, position: str, worked: _Worked, amount_micros: int
) -> Explained:
    billed = charge.billed
    name, *under = cell.split(UNDER)
    what = "contract" if charge.is_contract else "plan"
    code = getattr(billed, "code", "")
    return Explained(
        title=billed.description,
        owner=f"{what} {charge.owner}, {charge.kind.replace('_', '-')} {code}".rstrip(),
        meters=[_meter_text(meter) for meter in billed.meters] if isinstance(billed, Charge) else (),
        price=_price_text(charge, cell, name, currency),
        under=under,
        position=position,
        before=worked.before,
        after=worked.after,
        steps_before=worked.steps_before,
        steps_after=worked.steps_after,
        amount_micros=amount_micros,
        note=worked.note,
    )


def _price_text(charge: ExplainedCharge, cell: str, name: str, currency: Currency) -> str:
    billed = charge.billed
    if isinstance(billed, Charge):
        found = billed.cell_named(cell)
        printed = found[0].tariff.printed(currency) if found else "no longer in the charge"
        of = f", cell {name} of {' × '.join(billed.dimensions)}" if billed.dimensions else ""
        return f"{printed} per {billed.unit}{of}" if printed[-1:].isdigit() and " per " not in printed else f"{printed}{of}"
    if isinstance(billed, Adjustment):
        return billed.printed(currency)
    return f"{decimal_text(billed.amount_micros)} {currency} for the whole of {name}"


def _meter_text(meter: Meter) -> str:
    only = "".join(f", {name} {' or '.join(sorted(values))} only" for name, values in meter.filter)
    of = "" if meter.aggregation == "count" else f" of {meter.measured}"
    if meter.aggregation == "count" and meter.measured == QUANTITY:
        return f"{meter.code}: number of {meter.event_type} events{only}"
    return f"{meter.code}: {meter.aggregation}{of} of {meter.event_type}{only}"


def _is_per_event(charge: ExplainedCharge, cell: str) -> bool:
    found = charge.billed.cell_named(cell) if isinstance(charge.billed, Charge) else None
    return found is not None and found[0].tariff.per_event


def _steps(charge: ExplainedCharge, cell: str, quantity: int) -> Sequence[Step]:
    billed = charge.billed
    if isinstance(billed, Charge):
        found = billed.cell_named(cell)
        return found[0].tariff.explain(quantity) if found else ()
    if isinstance(billed, Adjustment):
        return billed.explain(quantity)
    return (Step(f"{units_text(quantity)} of a period at {decimal_text(billed.amount_micros)}", 0),)


def _sum(steps: Sequence[Step]) -> int:
    return sum(step.amount_micros for step in steps)
