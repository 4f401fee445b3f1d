"""Usage charges as a plan document lists them: which meters, which price, every fault collected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.catalogue.charges import ANY, Charge, Reset, Sharing
from domain.catalogue.meters import Aggregation, Meter, sum_meter
from domain.fields import Fields, guess
from domain.plans.limits import METERS_OF_CHARGE_MAX
from domain.plans.matrix import read_cells
from domain.plans.plan_fields import read_code, read_codes, read_line, read_sac
from domain.pricing.price_fields import Corrections

_SHOWN_MAX: Final = 20
_RESETS: Final = (*Reset,)
_SHARINGS: Final = (*Sharing,)


@dataclass(frozen=True, slots=True)
class KnownMeters:
    """The meters a charge may name."""

    defined: Mapping[str, Meter]
    """By the document itself."""
    published: Mapping[str, Meter] | None
    """None: nobody knows here, so every code is taken for one that is published and sums up what events report."""

    def find(self, code: str) -> Meter | None:
        """A meter by its code."""
        meter = self.defined.get(code) or (self.published or {}).get(code)
        return sum_meter(code) if meter is None and self.published is None else meter


def read_usage_charge(fields: Fields, meters: KnownMeters) -> Charge:
    """A charge of kind usage. Its id is left to whoever numbers the charges."""
    measured = _read_meters(fields, meters)
    code = read_code(fields, default=measured[0].code if measured else "") or ""
    description = read_line(fields, "description")
    sac = read_sac(fields) or ""
    unit = read_line(fields, "unit")
    reset = Reset(fields.choice("reset", _RESETS, default=Reset.MONTH) or Reset.MONTH)
    shared = Sharing(fields.choice("shared", _SHARINGS, default=Sharing.ACCOUNT) or Sharing.ACCOUNT)
    dimensions, cells = read_cells(fields)
    charge = Charge(0, code, tuple(measured), description, sac, unit, dimensions, cells, reset, shared)
    _refuse_unfit_meters(fields, charge, meters)
    _refuse_unfit_flat_fee(fields, charge)
    return charge


def _read_meters(fields: Fields, meters: KnownMeters) -> Sequence[Meter]:
    if fields.has("meters"):
        fields.out_of_place("meter", "name the meters in `meters` or one in `meter`, not both")
        codes = read_codes(fields, "meters", most=METERS_OF_CHARGE_MAX, what="meter")
        found = [meters.find(code) for code in codes]
        for number, (name, meter) in enumerate(zip(codes, found, strict=True)):
            if meter is None:
                fields.fault(f"meters[{number}]", _unknown(name, meters, fields))
        return [meter for meter in found if meter is not None]
    fields.take("meters")
    code = read_code(fields, "meter")
    if code is None:
        return []
    named = meters.find(code)
    if named is None and meters.defined:
        fields.fault("meter", _unknown(code, meters, fields))
    # The short form of a plan without `meters`: the meter sums up the events of its name.
    return [named or sum_meter(code)]


def _unknown(code: str, meters: KnownMeters, fields: Fields) -> str:
    known = [*meters.defined, *(meters.published or {})]
    listed = ", ".join(dict.fromkeys(known[:_SHOWN_MAX])) or "none"
    meant = guess(code, known, faults=fields.faults)
    return f"meter {code!r} is neither published nor defined under `meters`; known are {listed}{meant}"


def _refuse_unfit_meters(fields: Fields, charge: Charge, meters: KnownMeters) -> None:
    tariffs = [cell.tariff for cell in charge.cells.values()]
    for meter in charge.meters:
        if meter.aggregation is not Aggregation.SUM and any(tariff.per_event for tariff in tariffs):
            fields.fault(
                "price", f"a percentage is of what each event reports: meter {meter.code!r} takes the {meter.aggregation}"
            )
        if not meter.takes_back and any(tariff.corrections is Corrections.REPRICE for tariff in tariffs):
            reason = (
                f"corrections: reprice cannot be: meter {meter.code!r} takes the {meter.aggregation}, which has no opposite"
            )
            fields.fault("price", reason)


def _refuse_unfit_flat_fee(fields: Fields, charge: Charge) -> None:
    """What is due without usage is due of a month and of an account, and no event says by which row of a matrix."""
    tariffs = [cell.tariff for cell in charge.cells.values()]
    if not any(not tariff.per_event and tariff.amount_micros(0) for tariff in tariffs):
        return
    unfit = {
        "in a matrix": bool(charge.dimensions),
        f"with reset: {charge.reset}": charge.reset is not Reset.MONTH,
        f"with shared: {charge.shared}": charge.shared is not Sharing.ACCOUNT,
    }
    for where in (name for name, is_so in unfit.items() if is_so):
        fields.fault(
            "price", f"flat_at_zero: true cannot be {where}: say the fee as a recurring charge with billed: in_arrears"
        )


def usage_document(charge: Charge) -> dict[str, Any]:
    """As domain/catalogue reads it back: meters always listed, prices in their shortest form."""
    document: dict[str, Any] = {
        "code": charge.code,
        "kind": "usage",
        "meters": [meter.code for meter in charge.meters],
        "description": charge.description,
        "sac": charge.sac,
        "unit": charge.unit,
    }
    if charge.reset is not Reset.MONTH:
        document["reset"] = str(charge.reset)
    if charge.shared is not Sharing.ACCOUNT:
        document["shared"] = str(charge.shared)
    return {**document, "price": price_document(charge)}


def price_document(charge: Charge) -> dict[str, Any]:
    """The price of a charge."""
    if not charge.dimensions:
        (cell,) = charge.cells.values()
        return cell.tariff.document()
    rows = []
    for key, cell in charge.cells.items():
        when = {name: value for name, value in zip(charge.dimensions, key, strict=True) if value != ANY}
        rows.append({"when": when, **cell.tariff.document()} if when else cell.tariff.document())
    return {"model": "matrix", "dimensions": list(charge.dimensions), "rows": rows}
