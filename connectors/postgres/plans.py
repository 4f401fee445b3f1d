"""Plans, their versions, charges and meters in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import transaction
from domain.catalogue import Aggregation, Meter
from domain.errors import NotFound
from domain.plans import PlanDocument
from invoicing.administration_ports import StoredPlan

# Publications wait for each other: what one of them compares with is still the last version when it writes.
_HOLD = text("LOCK TABLE plan IN SHARE ROW EXCLUSIVE MODE")
_METERS = text("SELECT meter_id, code, event_type, aggregation, property, filter FROM meter ORDER BY meter_id")
_ADD_METER = text("""
INSERT INTO meter (code, event_type, aggregation, property, filter)
VALUES (:code, :event_type, :aggregation, :property, CAST(:filter AS jsonb))
""")
_VERSION = text("""
SELECT p.code, v.version, v.published_at, v.document, v.starts_at FROM plan_version v JOIN plan p USING (plan_id)
WHERE p.code = :code AND (CAST(:version AS integer) IS NULL OR v.version = :version) ORDER BY v.version DESC LIMIT 1
""")
_PLAN = text("""
INSERT INTO plan (code, name) VALUES (:code, :name) ON CONFLICT (code) DO UPDATE SET name = excluded.name RETURNING plan_id
""")
_ADD_VERSION = text("""
INSERT INTO plan_version (plan_id, version, currency, published_at, document, starts_at)
VALUES (:plan_id, :version, :currency, :published_at, CAST(:document AS jsonb), :starts_at) RETURNING plan_version_id
""")
# One statement, so that the configuration has one new version; in the order of the document, which ids keep.
_ADD_CHARGES = text("""
INSERT INTO charge (plan_version_id, code, kind, meter, description, sac, unit, price, document)
SELECT :plan_version_id, row ->> 'code', row ->> 'kind', row ->> 'meter', row ->> 'description', row ->> 'sac',
       row ->> 'unit', nullif(row -> 'price', 'null'), row -> 'document'
FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS listed (row, number) ORDER BY number
""")
_LIST = text("""
SELECT p.code AS plan, p.name, v.version, v.currency, v.published_at, v.starts_at AS "from",
       (SELECT count(*) FROM charge c WHERE c.plan_version_id = v.plan_version_id) AS charges,
       (SELECT count(*) FROM subscription s WHERE s.plan_version_id = v.plan_version_id
            AND s.validity @> CAST(:now AS timestamptz)) AS subscribed
FROM plan p JOIN plan_version v USING (plan_id) ORDER BY p.code, v.version DESC
""")


class PlanRows:
    """Plans in one transaction of configuration."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hold(self) -> None:
        """Wait for other publications, and let others wait until this transaction ends."""
        self._connection.execute(_HOLD)

    def meters(self) -> dict[str, Meter]:
        """Every published meter by its code."""
        return _meters(self._connection)

    def add_meters(self, meters: Sequence[Meter]) -> None:
        """Publish meters whose codes are new."""
        for meter in meters:
            facts = {
                "code": meter.code,
                "event_type": meter.event_type,
                "aggregation": str(meter.aggregation),
                "property": meter.measured,
                "filter": json.dumps({name: sorted(allowed) for name, allowed in meter.filter}),
            }
            self._connection.execute(_ADD_METER, facts)

    def last(self, code: str) -> StoredPlan | None:
        """The last version of a plan."""
        return _stored(self._connection, code, None)

    def add_version(self, plan: PlanDocument, stored: StoredPlan) -> None:
        """Store a checked plan as a version, with all its charges."""
        plan_id = self._connection.execute(_PLAN, {"code": plan.code, "name": plan.name}).scalar_one()
        facts = {
            "plan_id": plan_id,
            "version": stored.version,
            "currency": plan.currency.value,
            "published_at": stored.published_at,
            "document": json.dumps(stored.document),
            "starts_at": stored.starts_at,
        }
        plan_version_id = self._connection.execute(_ADD_VERSION, facts).scalar_one()
        rows = json.dumps([row._asdict() for row in plan.rows()])
        self._connection.execute(_ADD_CHARGES, {"plan_version_id": plan_version_id, "rows": rows})


class PlanReader:
    """Published plans for people to look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def meters(self) -> dict[str, Meter]:
        """Every published meter by its code."""
        with transaction(self._engine) as connection:
            return _meters(connection)

    def find(self, code: str, *, version: int | None = None) -> StoredPlan | None:
        """A version of a plan, the last one when none is named."""
        with transaction(self._engine) as connection:
            return _stored(connection, code, version)

    def version(self, code: str, *, version: int | None = None) -> StoredPlan:
        """As `find`. Raises NotFound."""
        found = self.find(code, version=version)
        if found is None:
            which = "" if version is None else f" v{version}"
            raise NotFound(f"plan {code}{which} was never published: `billing plans list` shows what was")
        return found

    def versions(self, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Every version of every plan, the last one first, with how many accounts are on it."""
        with transaction(self._engine) as connection:
            return [dict(row) for row in connection.execute(_LIST, {"now": now}).mappings()]


def _meters(connection: Connection) -> dict[str, Meter]:
    return {
        row.code: Meter(
            row.meter_id,
            row.code,
            row.event_type,
            Aggregation(row.aggregation),
            row.property,
            tuple(sorted((name, frozenset(allowed)) for name, allowed in row.filter.items())),
        )
        for row in connection.execute(_METERS)
    }


def _stored(connection: Connection, code: str, version: int | None) -> StoredPlan | None:
    row = connection.execute(_VERSION, {"code": code, "version": version}).one_or_none()
    return None if row is None else StoredPlan(*row)
