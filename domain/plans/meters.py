"""Meters as a plan document defines them."""

from collections.abc import Mapping
from typing import Any

from domain.catalogue.meters import QUANTITY, Aggregation, Meter
from domain.errors import Faults
from domain.fields import Fields, shown
from domain.plans.limits import FILTER_VALUES_MAX, FILTERED_PROPERTIES_MAX, METERS_MAX
from domain.plans.plan_fields import is_name, is_value, read_code, read_name


def read_meters(plan: Fields) -> dict[str, Meter]:
    """`meters`, by code; none when the field is left out. They have no id before they are published."""
    if not plan.has("meters"):
        plan.take("meters")
        return {}
    meters: dict[str, Meter] = {}
    for number, row in enumerate(plan.rows("meters", most=METERS_MAX, what="meter")):
        meter = read_meter(row, path=f"meters[{number}]", faults=plan.faults)
        if meter.code in meters:
            plan.fault(f"meters[{number}].code", f"{meter.code!r} is defined twice")
        elif meter.code:
            meters[meter.code] = meter
    return meters


def read_meter(row: object, *, path: str, faults: Faults) -> Meter:
    """One meter: {code: numbers, event_type: otp.delivered, aggregation: unique, property: recipient_hash}."""
    fields = Fields(row, path=path, faults=faults)
    code = read_code(fields)
    event_type = read_name(fields, "event_type")
    aggregation = Aggregation(fields.choice("aggregation", [*Aggregation], default=Aggregation.SUM) or Aggregation.SUM)
    measured = read_name(fields, "property", required=False)
    if aggregation is Aggregation.COUNT and measured is not None:
        fields.fault("property", "a count looks at no property: leave it out, or use unique to count its values")
    if aggregation is Aggregation.UNIQUE and measured is None:
        fields.fault("property", "must name the property whose distinct values are counted")
    filters = _read_filter(fields)
    fields.refuse_unknown()
    return Meter(0, code or "", event_type or "", aggregation, measured or QUANTITY, filters)


def _read_filter(fields: Fields) -> tuple[tuple[str, frozenset[str]], ...]:
    value = fields.take("filter")
    if value is None:
        return ()
    if not isinstance(value, Mapping) or not value or len(value) > FILTERED_PROPERTIES_MAX:
        fields.fault(
            "filter", f'must name 1 to {FILTERED_PROPERTIES_MAX} properties with their values, e.g. channel: ["sms"]'
        )
        return ()
    chosen: list[tuple[str, frozenset[str]]] = []
    for name, allowed in value.items():
        if not is_name(name):
            fields.fault("filter", f"the names of properties must be texts of visible ASCII characters, not {shown(name)}")
        elif not isinstance(allowed, list) or not allowed or not all(is_value(text) for text in allowed):
            fields.fault(f"filter.{name}", 'must list the texts the property may have, e.g. ["sms"]')
        elif len(allowed) > FILTER_VALUES_MAX:
            fields.fault(f"filter.{name}", f"has {len(allowed):,} values, at most {FILTER_VALUES_MAX:,} are read")
        else:
            chosen.append((name, frozenset(allowed)))
    return tuple(sorted(chosen))


def meter_document(meter: Meter) -> dict[str, Any]:
    """As a plan document has it, without defaults."""
    document: dict[str, Any] = {"code": meter.code, "event_type": meter.event_type}
    if meter.aggregation is not Aggregation.SUM:
        document["aggregation"] = str(meter.aggregation)
    if meter.measured != QUANTITY:
        document["property"] = meter.measured
    if meter.filter:
        document["filter"] = {name: sorted(allowed) for name, allowed in meter.filter}
    return document


def is_same(one: Meter, other: Meter) -> bool:
    """Whether two meters measure the same; their ids do not count."""
    return meter_document(one) == meter_document(other)
