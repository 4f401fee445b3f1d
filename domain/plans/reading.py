"""Reading a plan document: everything that is wrong with it is found before it is refused."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from domain.catalogue.adjustments import Adjustment, AdjustmentKind
from domain.catalogue.charges import Charge
from domain.catalogue.discounts import exceeding
from domain.catalogue.meters import Meter
from domain.errors import Faults
from domain.fields import Fields, guess
from domain.money import Currency
from domain.plans.adjustments import TRIAL_CODE, read_adjustments
from domain.plans.document import PlanDocument
from domain.plans.fees import Commitment, Fee, read_fee
from domain.plans.limits import CHARGES_MAX, TRIAL_DAYS_MAX
from domain.plans.meters import is_same, read_meters
from domain.plans.plan_fields import read_code, read_line
from domain.plans.usage_charges import KnownMeters, read_usage_charge
from domain.rating.unused import costs_without_usage

KINDS: Final = ("usage", "recurring", "one_time", "commitment")


def read_plan(document: object, *, published: Mapping[str, Meter] | None = None) -> PlanDocument:
    """Check a plan document. `published` are the meters there are, by code; None when that is not known here.

    Raises Invalid with every fault, each with its path and the way out.
    """
    faults = Faults()
    plan = Fields(document, path="", faults=faults)
    return read_prices(plan, published=published)


def read_prices(
    plan: Fields, *, published: Mapping[str, Meter] | None, elsewhere: Collection[str] | None = None
) -> PlanDocument:
    """The fields of a plan document. `elsewhere` are codes of usage charges that stand in other documents, and that
    adjustments and commitments may name: then there may be no charges here. Raises as `read_plan` does.
    """
    faults = plan.faults
    others = elsewhere or ()
    code = read_code(plan) or ""
    name = read_line(plan, "name")
    currency = plan.choice("currency", [*Currency])
    trial_days = plan.whole("trial_days", least=0, most=TRIAL_DAYS_MAX, default=0) or 0
    defined = read_meters(plan)
    _refuse_redefined(plan, defined, published or {})
    meters = KnownMeters(defined, published)
    no_charges = elsewhere is not None and not plan.has("charges")
    plan.take("charges")
    usage, fees, places = ([], {}, []) if no_charges else _read_charges(plan, meters)
    adjustments = read_adjustments(plan, usage, trial_days=trial_days, elsewhere=others)
    offset = 1 if trial_days else 0
    places += [(one.code, f"adjustments[{number - offset}].code") for number, one in enumerate(adjustments)]
    _refuse_doubles(plan, places, trial=bool(trial_days))
    _refuse_unknown_counts(plan, usage, fees, others)
    if elsewhere is None:
        _refuse_senseless(plan, usage, fees, adjustments, trial=bool(trial_days))
    _refuse_lasting(plan, usage, adjustments, offset)
    _refuse_exceeding(plan, usage, adjustments, offset)
    plan.refuse_unknown()
    faults.refuse_if_any()
    implied = {meter.code: meter for charge in usage for meter in charge.meters if _is_new(meter, meters)}
    numbered, adjusted = _numbered(usage, adjustments)
    return PlanDocument(
        code,
        name,
        Currency(currency or ""),
        trial_days,
        tuple(defined.values()),
        tuple(implied.values()),
        numbered,
        tuple(fees.values()),
        adjusted,
    )


def _read_charges(plan: Fields, meters: KnownMeters) -> tuple[list[Charge], dict[int, Fee], list[tuple[str, str]]]:
    """Usage charges; fees by their place; and the code and path of every charge."""
    usage: list[Charge] = []
    fees: dict[int, Fee] = {}
    places = []
    for number, row in enumerate(plan.rows("charges", most=CHARGES_MAX, what="charge")):
        fields = Fields(row, path=f"charges[{number}]", faults=plan.faults)
        kind = fields.choice("kind", KINDS, default="usage")
        if kind is None or not fields.is_object:
            continue  # which fields it should have nobody can say
        if kind == "usage":
            charge = read_usage_charge(fields, meters)
            usage.append(charge)
            code = charge.code
        else:
            fees[number] = read_fee(fields, kind)
            code = fees[number].code
        fields.refuse_unknown()
        places.append((code, f"charges[{number}].code"))
    return usage, fees, places


def _refuse_redefined(plan: Fields, defined: Mapping[str, Meter], published: Mapping[str, Meter]) -> None:
    for number, meter in enumerate(defined.values()):
        known = published.get(meter.code)
        if known is not None and not is_same(known, meter):
            reason = f"{meter.code!r} is published with another definition, which never changes: give this one another code"
            plan.fault(f"meters[{number}]", reason)


def _refuse_doubles(plan: Fields, places: list[tuple[str, str]], *, trial: bool) -> None:
    first: dict[str, str] = {TRIAL_CODE: "trial_days"} if trial else {}
    for code, path in places:
        if path == "adjustments[-1].code" or not code:
            continue
        if code in first:
            plan.fault(
                path, f"{code!r} is taken by {first[code].removesuffix('.code')}: every charge and adjustment has its own"
            )
        else:
            first[code] = path


def _refuse_unknown_counts(plan: Fields, usage: list[Charge], fees: Mapping[int, Fee], elsewhere: Collection[str]) -> None:
    known = {charge.code for charge in usage} | set(elsewhere)
    for number, fee in fees.items():
        for place, code in enumerate(fee.counts or () if isinstance(fee, Commitment) else ()):
            if code not in known:
                they = ", ".join(sorted(known)) or "none"
                meant = guess(code, known, faults=plan.faults)
                reason = f"{code!r} is not a usage charge of this plan; they are {they}{meant}"
                plan.fault(f"charges[{number}].counts[{place}]", reason)


def _refuse_senseless(
    plan: Fields, usage: list[Charge], fees: Mapping[int, Fee], adjustments: list[Adjustment], *, trial: bool
) -> None:
    """Adjustments of nothing, and trials without an end; of those that were read without a fault."""
    faulty = {error.path.partition(".")[0] for error in plan.faults.errors}
    for number, one in enumerate(adjustments, -1 if trial else 0):
        path = "trial_days" if number < 0 else f"adjustments[{number}]"
        if path in faulty:
            continue
        if fees and not usage:
            plan.fault(path, "is taken off usage, and this plan has fees only: leave it out")
        elif one.kind is AdjustmentKind.TRIAL and not one.is_limited:
            plan.fault(path, "would never end: say for how many days or periods")


def _refuse_lasting(plan: Fields, usage: list[Charge], adjustments: list[Adjustment], offset: int) -> None:
    """Adjustments that go on over months or accounts, on a price that costs something without usage."""
    flat = [charge.code for charge in usage if costs_without_usage(charge)]
    for number, one in enumerate(adjustments):
        on = [code for code in flat if one.applies_to is None or code in one.applies_to]
        if on and not one.is_of_month:
            plan.fault(
                f"adjustments[{number - offset}]",
                f"counts longer than a month or over a tree, and {on[0]!r} is due without usage (flat_at_zero): let it apply"
                " to other charges, or say the fee as a recurring charge",
            )


def _refuse_exceeding(plan: Fields, usage: list[Charge], adjustments: list[Adjustment], offset: int) -> None:
    # Those of a contract may be on charges that stand elsewhere: what none names is under those on everything only.
    codes = [charge.code for charge in usage]
    codes += sorted({code for one in adjustments for code in one.applies_to or ()} - set(codes))
    refused: set[int] = set()
    for found in exceeding(codes, adjustments):
        number = next(number for number, one in enumerate(adjustments) if one is found.adjustment)
        if number in refused:
            continue
        refused.add(number)
        earlier = repr(found.earlier.code)
        listed = f", or list it before {earlier}" if found.adjustment.kind is found.earlier.kind else ""
        plan.fault(
            f"adjustments[{number - offset}].applies_to",
            f"could take off of {found.charge!r} once more what {earlier} takes off, which is made before it and on more"
            f" than it: let it apply to all that {earlier} applies to{listed}",
        )


def _is_new(meter: Meter, meters: KnownMeters) -> bool:
    return meter.code not in meters.defined and meter.code not in (meters.published or {})


def _numbered(usage: list[Charge], adjustments: list[Adjustment]) -> tuple[tuple[Charge, ...], tuple[Adjustment, ...]]:
    numbers: Iterator[int] = iter(range(1, len(usage) + len(adjustments) + 1))
    charges = tuple(replace(charge, charge_id=next(numbers)) for charge in usage)
    return charges, tuple(replace(one, charge_id=next(numbers)) for one in adjustments)
