"""The JSON Schema (2020-12) of plan documents. What the reader accepts it accepts; the reader alone knows what a schema
cannot say: tiers that rise, rows that leave no doubt, codes that exist."""

from typing import Any

from domain.billing_cycle import Anchor, Interval
from domain.catalogue.adjustments import AdjustmentKind
from domain.catalogue.charges import Reset, Sharing
from domain.catalogue.meters import Aggregation
from domain.fee_terms import Billed
from domain.fields import TEXT_MAX
from domain.money import Currency
from domain.plans import limits
from domain.plans.plan_fields import CODE_PATTERN, SAC_PATTERN
from domain.pricing import price_schemas
from domain.pricing.price_fields import DECIMAL_SCHEMA

_CODE = {"type": "string", "pattern": CODE_PATTERN}
_CODES = {"type": "array", "minItems": 1, "maxItems": limits.CHARGES_MAX, "uniqueItems": True, "items": _CODE}
_TEXT = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX}
_VALUE = {"type": "string", "minLength": 1, "maxLength": limits.VALUE_CHARACTERS_MAX}
_SAC = {"type": "string", "pattern": SAC_PATTERN, "description": "Service accounting code, in quotes."}
_PERIODS = {"type": "integer", "minimum": 1, "maximum": limits.PERIODS_MAX}


def plan_schema() -> dict[str, Any]:
    """The schema, composed from those of the price models."""
    charges = {"anyOf": [_usage(), _recurring(), _one_time(), _commitment()]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OTPless billing: plan document",
        "description": "What a plan sells and at which prices. docs/plans.md shows it by example.",
        **_object(
            {
                "code": _CODE,
                "name": _TEXT,
                "currency": {"enum": [*Currency]},
                "trial_days": {"type": "integer", "minimum": 0, "maximum": limits.TRIAL_DAYS_MAX},
                "meters": _list(_meter(), limits.METERS_MAX),
                "charges": _list(charges, limits.CHARGES_MAX),
                "adjustments": _list(_adjustment(), limits.ADJUSTMENTS_MAX),
            },
            required=("code", "name", "currency", "charges"),
        ),
        "$defs": {"price": {"anyOf": price_schemas()}, "matrix": _matrix()},
    }


def _object(properties: dict[str, Any], *, required: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": most, "items": items}


def _meter() -> dict[str, Any]:
    values = {"type": "array", "minItems": 1, "maxItems": limits.FILTER_VALUES_MAX, "items": _VALUE}
    filters = {"type": "object", "minProperties": 1, "maxProperties": limits.FILTERED_PROPERTIES_MAX}
    return _object(
        {
            "code": _CODE,
            "event_type": _TEXT,
            "aggregation": {"enum": [*Aggregation]},
            "property": {"description": "What is put together; the event's quantity when left out.", **_TEXT},
            "filter": {**filters, "additionalProperties": values},
        },
        required=("code", "event_type"),
    )


def _usage() -> dict[str, Any]:
    schema = _object(
        {
            "code": _CODE,
            "kind": {"const": "usage"},
            "meter": _CODE,
            "meters": {**_CODES, "maxItems": limits.METERS_OF_CHARGE_MAX},
            "description": _TEXT,
            "sac": _SAC,
            "unit": _TEXT,
            "reset": {"enum": [*Reset], "description": "How long tiers count before they begin anew."},
            "shared": {"enum": [*Sharing], "description": "Whose usage tiers count together."},
            "price": {"anyOf": [{"$ref": "#/$defs/price"}, {"$ref": "#/$defs/matrix"}]},
        },
        required=("description", "sac", "unit", "price"),
    )
    return {**schema, "oneOf": [{"required": ["meter"]}, {"required": ["meters"]}]}


def _matrix() -> dict[str, Any]:
    when = {"type": "object", "additionalProperties": {**_VALUE, "pattern": "^[^/]+$"}}
    rows = [{**price, "properties": {"when": when, **price["properties"]}} for price in price_schemas()]
    names = {"type": "array", "minItems": 1, "maxItems": limits.DIMENSIONS_MAX, "uniqueItems": True, "items": _VALUE}
    return _object(
        {"model": {"const": "matrix"}, "dimensions": names, "rows": _list({"anyOf": rows}, limits.ROWS_MAX)},
        required=("model", "dimensions", "rows"),
    )


def _fee(kind: str, properties: dict[str, Any], *, required: str) -> dict[str, Any]:
    common = {"code": _CODE, "kind": {"const": kind}, "description": _TEXT, "sac": _SAC}
    return _object(common | properties, required=("code", "kind", "description", "sac", required))


def _recurring() -> dict[str, Any]:
    return _fee(
        "recurring",
        {
            "amount": DECIMAL_SCHEMA,
            "every": {"enum": [*Interval]},
            "billed": {"enum": [*Billed]},
            "anchor": {"enum": [*Anchor]},
            "prorate": {"type": "boolean"},
        },
        required="amount",
    )


def _one_time() -> dict[str, Any]:
    return _fee("one_time", {"amount": DECIMAL_SCHEMA}, required="amount")


def _commitment() -> dict[str, Any]:
    properties = {
        "minimum": DECIMAL_SCHEMA,
        "every": {"enum": [*Interval]},
        "counts": _CODES,
        "prorate": {"type": "boolean"},
    }
    return _fee("commitment", properties, required="minimum")


def _adjustment() -> dict[str, Any]:
    common = {
        "code": _CODE,
        "description": _TEXT,
        "sac": _SAC,
        "applies_to": {"description": "Codes of usage charges; all of them when left out.", **_CODES},
        "reset": {"enum": [*Reset]},
        "shared": {"enum": [*Sharing]},
        "periods": {"description": "In the first so many months only.", **_PERIODS},
        "days": {"description": "On the first so many days only.", **_PERIODS},
    }
    own = {AdjustmentKind.PERCENTAGE: "percent", AdjustmentKind.FREE_AMOUNT: "amount", AdjustmentKind.MAXIMUM: "amount"}
    kinds = []
    for kind in AdjustmentKind:
        extra = {own[kind]: DECIMAL_SCHEMA} if kind in own else {}
        kinds.append(
            _object({"kind": {"const": str(kind)}, **common, **extra}, required=("code", "kind", "description", *extra))
        )
    return {"anyOf": kinds}
