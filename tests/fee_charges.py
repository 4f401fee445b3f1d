"""Charges that are no usage, put into the books as publishing a plan does."""

import json

from sqlalchemy import Engine, text

_ADD = text("""
INSERT INTO charge (plan_version_id, code, kind, description, sac, unit, document)
SELECT plan_version_id, :code, :kind, :description, :sac, 'period', CAST(:document AS jsonb)
FROM plan_version JOIN plan USING (plan_id) WHERE plan.code = :plan ORDER BY version DESC LIMIT 1 RETURNING charge_id
""")


def add_charge(database: Engine, plan: str, kind: str, code: str, **document: object) -> int:
    """A charge of the newest version of a plan; returns its id."""
    common = {"code": code, "description": code.title(), "sac": "998319"}
    with database.begin() as connection:
        facts = {**common, "kind": kind, "plan": plan, "document": json.dumps({"kind": kind, **common, **document})}
        return connection.execute(_ADD, facts).scalar_one()
