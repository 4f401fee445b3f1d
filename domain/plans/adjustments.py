"""Adjustments as a plan document lists them, and the trial its `trial_days` stand for."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from domain.catalogue.adjustments import Adjustment, AdjustmentKind
from domain.catalogue.charges import Charge, Reset, Sharing
from domain.fields import Fields, guess
from domain.plans.limits import ADJUSTMENTS_MAX, CHARGES_MAX, PERIODS_MAX
from domain.plans.plan_fields import read_code, read_codes, read_line, read_sac
from domain.pricing.price_fields import AMOUNT_MAX, read_micros, written_decimal

TRIAL_CODE: Final = "trial"
_PERCENT_MAX: Final = 100
_BOUNDED: Final = (AdjustmentKind.FREE_AMOUNT, AdjustmentKind.MAXIMUM)


def read_adjustments(
    plan: Fields, usage: Sequence[Charge], *, trial_days: int, elsewhere: Collection[str] = ()
) -> list[Adjustment]:
    """`adjustments`, after the trial there may be. Ids are left to whoever numbers the charges."""
    listed: list[Adjustment] = []
    if trial_days:
        listed.append(_trial(plan, usage, trial_days))
    if plan.has("adjustments"):
        for number, row in enumerate(plan.rows("adjustments", most=ADJUSTMENTS_MAX, what="adjustment")):
            fields = Fields(row, path=f"adjustments[{number}]", faults=plan.faults)
            listed.append(_read_adjustment(fields, usage, elsewhere))
    plan.take("adjustments")
    return listed


def _trial(plan: Fields, usage: Sequence[Charge], days: int) -> Adjustment:
    sac = _sac_of(plan, usage, None, field="trial_days")
    text = "Trial of 1 day" if days == 1 else f"Trial of {days} days"
    return Adjustment(0, TRIAL_CODE, AdjustmentKind.TRIAL, text, sac, None, days=days)


def _read_adjustment(fields: Fields, usage: Sequence[Charge], elsewhere: Collection[str]) -> Adjustment:
    code = read_code(fields) or ""
    chosen = fields.choice("kind", [*AdjustmentKind])
    kind = AdjustmentKind(chosen) if chosen is not None else AdjustmentKind.TRIAL
    description = read_line(fields, "description")
    applies_to = (
        read_codes(fields, "applies_to", most=CHARGES_MAX, what="usage charge") if fields.has("applies_to") else None
    )
    fields.take("applies_to")
    known = {charge.code for charge in usage} | set(elsewhere)
    for number, name in enumerate(applies_to or ()):
        if name not in known:
            they = ", ".join(sorted(known)) or "none"
            meant = guess(name, known, faults=fields.faults)
            reason = f"{name!r} is not a usage charge of this plan; they are {they}{meant}"
            fields.fault(f"applies_to[{number}]", reason)
    percent = amount = 0
    if chosen is None or kind is AdjustmentKind.PERCENTAGE:
        percent = _required(fields, "percent", most=_PERCENT_MAX, asked=chosen is not None)
    else:
        fields.out_of_place("percent", f"only a percentage has one, and this is a {kind}")
    if chosen is None or kind in _BOUNDED:
        amount = _required(fields, "amount", most=AMOUNT_MAX, asked=chosen is not None)
    else:
        fields.out_of_place("amount", f"a {kind} has none: a free_amount and a maximum have")
    sac = read_sac(fields, required=False)
    if sac is None and not fields.has("sac"):
        sac = _sac_of(fields, usage, applies_to, field="sac")
    reset = Reset(fields.choice("reset", [*Reset], default=Reset.MONTH) or Reset.MONTH)
    shared = Sharing(fields.choice("shared", [*Sharing], default=Sharing.ACCOUNT) or Sharing.ACCOUNT)
    periods, days = (
        fields.whole(name, least=1, most=PERIODS_MAX) if fields.has(name) else fields.take(name)
        for name in ("periods", "days")
    )
    fields.refuse_unknown()
    applies = None if applies_to is None else frozenset(applies_to)
    return Adjustment(0, code, kind, description, sac or "", applies, percent, amount, reset, shared, periods, days)


def _required(fields: Fields, name: str, *, most: int, asked: bool) -> int:
    if not asked:  # of an unknown kind: neither required nor unknown
        fields.take(name)
        return 0
    return read_micros(fields, name, most=most) or 0


def _sac_of(fields: Fields, usage: Sequence[Charge], applies_to: Sequence[str] | None, *, field: str) -> str:
    """The SAC of what is adjusted; a fault when that has several, because one line has one."""
    codes = {charge.sac for charge in usage if applies_to is None or charge.code in applies_to} - {""}
    if len(codes) > 1:
        way_out = "say which its line has" if field == "sac" else "list an adjustment of kind trial with its sac instead"
        fields.fault(field, f"the charges it applies to have several, {', '.join(sorted(codes))}: {way_out}")
    return min(codes, default="")


def adjustment_document(adjustment: Adjustment) -> dict[str, Any]:
    """As a plan document has it and as domain/catalogue reads it back; defaults left out, the SAC always there."""
    document: dict[str, Any] = {
        "code": adjustment.code,
        "kind": str(adjustment.kind),
        "description": adjustment.description,
        "sac": adjustment.sac,
    }
    if adjustment.kind is AdjustmentKind.PERCENTAGE:
        document["percent"] = written_decimal(adjustment.percent_millionths)
    if adjustment.kind in _BOUNDED:
        document["amount"] = written_decimal(adjustment.bound_micros, places_min=2)
    if adjustment.applies_to is not None:
        document["applies_to"] = sorted(adjustment.applies_to)
    if adjustment.reset is not Reset.MONTH:
        document["reset"] = str(adjustment.reset)
    if adjustment.shared is not Sharing.ACCOUNT:
        document["shared"] = str(adjustment.shared)
    limits = {"periods": adjustment.periods, "days": adjustment.days}
    return document | {name: limit for name, limit in limits.items() if limit is not None}
