"""Why an event was attributed as it was: the version of the truth it was rated with, and what that version said."""

from typing import Any, Final

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot
from connectors.postgres.readable_properties import READABLE
from domain.errors import NotFound
from domain.usage import event_key

_EXPLAIN: Final = text(f"""
SELECT u.subject AS alias, u.event_time, a.code AS account, p.code AS paid_by,
       lower(h.validity) AS alias_since, upper(h.validity) AS alias_until,
       u.batch_id, b.worker, b.booked_at, b.config_version, c.what AS version_made_by, c.changed_at AS version_made_at,
       (SELECT r.actor || ': ' || r.action || ' ' || r.subject FROM audit_record r
        WHERE r.transaction_id = c.transaction_id ORDER BY r.audit_id LIMIT 1) AS version_audited_as
FROM usage_event u
JOIN batch b USING (batch_id)
JOIN account a USING (account_id)
LEFT JOIN config_change c ON c.version = b.config_version
LEFT JOIN alias_history h ON h.alias = u.subject AND h.account_id = u.account_id AND h.validity @> u.event_time
     AND b.config_version >= h.since_version AND (b.config_version < h.until_version OR h.until_version IS NULL)
LEFT JOIN account p ON p.account_id = payer_of(u.account_id, u.meter, {READABLE}, b.config_version)
WHERE u.event_key = :key
ORDER BY u.event_time
""")  # noqa: S608 - constants only


class AttributionHistory:
    """The history of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def explain(self, event_id: str, *, source: str) -> list[dict[str, Any]]:
        """A row for each time it was booked: once, or more than once with event times over a day apart. Raises NotFound."""
        with snapshot(self._engine) as connection:
            found = connection.execute(_EXPLAIN, {"key": event_key(source, event_id).hex()}).mappings().all()
        if not found:
            raise NotFound(
                f"no event {event_id!r} of {source} is booked: see `billing events quarantine` and `dead-letters`"
            )
        return [dict(row) for row in found]
