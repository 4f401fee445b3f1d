"""A plan that rates events in parts, in the test database: published row by row, and accounts moved onto it."""

import json
from typing import Any

from sqlalchemy import Connection, Engine, text

VOLUME = {
    "model": "volume",
    "tiers": [{"up_to": 50, "unit_price": "0.30"}, {"unit_price": "0.111111"}],
    "corrections": "reprice",
}
MATRIX = {
    "model": "matrix",
    "dimensions": ["channel", "country"],
    "rows": [{"when": {"channel": "sms"}, **VOLUME}, {"model": "package", "package_size": 10, "package_price": "2.00"}],
}
METERS = (
    {"code": "numbers", "event_type": "otp.delivered", "aggregation": "unique", "property": "to"},
    {
        "code": "peak",
        "event_type": "voice.minutes",
        "aggregation": "max",
        "property": "size",
        "filter": {"channel": ["sms"]},
    },
)
CHARGES = (
    {"code": "otp", "meters": ["otp.delivered"], "price": MATRIX},
    {"code": "numbers", "meters": ["numbers"], "price": {"model": "per_unit", "unit_price": "0.7"}},
    {"code": "peak", "meters": ["peak"], "price": VOLUME, "reset": "never"},
    {"code": "voice", "meters": ["voice.minutes"], "price": VOLUME, "reset": "year", "shared": "account_tree"},
)
ADJUSTMENTS = (
    {"code": "launch", "kind": "percentage", "percent": "10", "applies_to": ["otp"]},
    {"code": "cap", "kind": "maximum", "amount": "25", "applies_to": ["otp", "numbers"]},
)
_FACTS: dict[str, Any] = {"description": "Sold", "sac": "998319", "unit": "message"}
_METER = """
INSERT INTO meter (code, event_type, aggregation, property, filter)
VALUES (:code, :event_type, :aggregation, :property, CAST(:filter AS jsonb)) ON CONFLICT DO NOTHING
"""
_VERSION = """
WITH p AS (
    INSERT INTO plan (code, name) VALUES ('rich', 'Rich') ON CONFLICT (code) DO UPDATE SET name = 'Rich' RETURNING plan_id)
INSERT INTO plan_version (plan_id, version, currency, published_at, document)
SELECT plan_id, 1 + (SELECT count(*) FROM plan_version v WHERE v.plan_id = p.plan_id), 'INR', now(), '{}' FROM p
RETURNING plan_version_id
"""
_CHARGE = """
INSERT INTO charge (plan_version_id, code, kind, meter, description, sac, unit, price, document)
VALUES (:plan_version_id, :code, :kind, :meter, :description, :sac, :unit, CAST(:price AS jsonb), CAST(:document AS jsonb))
"""


def publish_rich_plan(connection: Connection) -> int:
    """A version of the plan; its id."""
    for meter in METERS:
        facts = {**meter, "filter": json.dumps(meter.get("filter", {}))}
        connection.execute(text(_METER), facts)
    plan_version_id = connection.execute(text(_VERSION)).scalar_one()
    for kind, documents in (("usage", CHARGES), ("adjustment", ADJUSTMENTS)):
        for document in documents:
            whole = {**_FACTS, **document}
            row = {
                **_FACTS,
                "plan_version_id": plan_version_id,
                "code": document["code"],
                "kind": kind,
                "meter": document["meters"][0] if kind == "usage" else None,
                "price": json.dumps(document["price"]) if kind == "usage" else None,
                "document": json.dumps(whole),
            }
            connection.execute(text(_CHARGE), row)
    return int(plan_version_id)


def put_on_rich_plan(database: Engine, *accounts: str) -> None:
    """Publish the plan and move accounts onto it, for ever."""
    with database.begin() as connection:
        plan_version_id = publish_rich_plan(connection)
        moved = "UPDATE subscription SET plan_version_id = :plan FROM account a WHERE a.account_id = subscription.account_id"
        connection.execute(text(moved + " AND a.code = ANY(:codes)"), {"plan": plan_version_id, "codes": list(accounts)})
