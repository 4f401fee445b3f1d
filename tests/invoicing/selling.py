"""Plans of any charges and adjustments for tests on PostgreSQL, put on accounts from any instant on."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from tests.books import AUTHOR

FEES = ("recurring", "one_time", "commitment")
_COMMON = {"description": "One-time passwords", "sac": "998319", "unit": "message"}
_METER = text("""
INSERT INTO meter (code, event_type, aggregation, property, filter)
VALUES (:code, :event_type, :aggregation, :property, CAST(:filter AS jsonb)) ON CONFLICT DO NOTHING
""")
_PLAN = text("""
WITH made AS (
    INSERT INTO plan (code, name) VALUES (:code, :code) ON CONFLICT (code) DO UPDATE SET name = :code RETURNING plan_id)
INSERT INTO plan_version (plan_id, version, currency, published_at, document)
SELECT plan_id, 1 + (SELECT count(*) FROM plan_version v WHERE v.plan_id = made.plan_id), 'INR', :at,
       CAST(:document AS jsonb)
FROM made RETURNING plan_version_id
""")
_CONTRACT = text("""
INSERT INTO contract (code, currency, account_id, priority, validity, document, written_at)
SELECT :code, currency, account_id, :priority, tstzrange(:start, :end), CAST(:document AS jsonb), :at
FROM account WHERE code = :account RETURNING contract_id
""")
_CHARGE = text("""
INSERT INTO charge (plan_version_id, contract_id, code, kind, meter, description, sac, unit, price, document)
VALUES (:plan, :contract, :code, :kind, :meter, :description, '998319', 'message',
        CAST(:price AS jsonb), CAST(:document AS jsonb))
""")
_REPLACE = text("""
DELETE FROM subscription
WHERE account_id = (SELECT account_id FROM account WHERE code = :account) AND lower(validity) = CAST(:start AS timestamptz)
""")
_END = text("""
UPDATE subscription SET validity = tstzrange(lower(validity), :start)
WHERE account_id = (SELECT account_id FROM account WHERE code = :account) AND validity @> CAST(:start AS timestamptz)
""")
_BEGIN = text("""
INSERT INTO subscription (account_id, plan_version_id, validity)
SELECT account_id, :plan, tstzrange(:start, NULL) FROM account WHERE code = :account
""")


def a_usage_charge(code: str, *meters: str, **changes: Any) -> dict[str, Any]:
    """A charge of the meters, of that of its own code when none is named."""
    return {"code": code, "kind": "usage", "meters": list(meters or (code,)), **_COMMON, **changes}


def publish(
    engine: Engine, code: str, charges: Sequence[Mapping[str, Any]], *, meters: Sequence[Mapping[str, Any]] = ()
) -> int:
    """Publish meters and a plan version; returns its id."""
    with engine.begin() as connection:
        for meter in meters:
            defaults = {"aggregation": "sum", "property": "quantity", "filter": {}}
            facts = {**defaults, **meter}
            connection.execute(_METER, {**facts, "filter": json.dumps(facts["filter"])})
        facts = {"code": code, "at": AUTHOR.at, "document": json.dumps({"charges": list(charges)})}
        plan_version_id = connection.execute(_PLAN, facts).scalar_one()
        _add(connection, charges, plan=plan_version_id, contract=None)
    return plan_version_id


def write_contract(
    engine: Engine,
    account: str,
    charges: Sequence[Mapping[str, Any]],
    *,
    start: datetime,
    end: datetime | None = None,
    priority: int = 0,
) -> None:
    """A contract with an account."""
    facts = {
        "account": account,
        "code": f"{account}-{priority}-{start:%d}",
        "priority": priority,
        "start": start,
        "end": end,
    }
    with engine.begin() as connection:
        document = json.dumps({"charges": list(charges)})
        contract_id = connection.execute(_CONTRACT, {**facts, "document": document, "at": AUTHOR.at}).scalar_one()
        _add(connection, charges, plan=None, contract=contract_id)


def put_on(engine: Engine, account: str, plan_version_id: int, *, start: datetime) -> None:
    """End what the account is on at an instant, or replace what begins there, and put it on a plan version from then on."""
    with engine.begin() as connection:
        connection.execute(_REPLACE, {"account": account, "start": start})
        connection.execute(_END, {"account": account, "start": start})
        connection.execute(_BEGIN, {"account": account, "start": start, "plan": plan_version_id})


def _add(connection: Any, charges: Sequence[Mapping[str, Any]], *, plan: int | None, contract: int | None) -> None:
    for charge in charges:
        of_usage = charge["kind"] == "usage"
        facts = {
            "plan": plan,
            "contract": contract,
            "code": charge["code"],
            "kind": charge["kind"] if of_usage or charge["kind"] in FEES else "adjustment",
            "meter": charge["meters"][0] if of_usage else None,
            "description": charge["description"],
            "price": json.dumps(charge["price"]) if of_usage else None,
            "document": json.dumps(charge),
        }
        connection.execute(_CHARGE, facts)
