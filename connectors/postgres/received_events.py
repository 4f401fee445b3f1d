"""Payment and config events in PostgreSQL, as an operator looks at them."""

from typing import Any, Final

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot
from domain.receiving import Family

_NEWEST: Final = {
    Family.PAYMENT: text("""
SELECT payment_event_id AS id, type, subject AS account, amount_minor, currency, gateway, reference, handled_as,
       event_time, received_at, source, event_id, topic, partition, record_offset AS offset, index_in_record AS index
FROM payment_event ORDER BY payment_event_id DESC LIMIT :limit
"""),
    Family.CONFIG: text("""
SELECT e.config_event_id AS id, e.type, e.subject, e.data, e.handled_as, r.code, r.errors, r.facts, r.config_version,
       e.event_time, e.received_at, e.source, e.event_id, e.topic, e.partition, e.record_offset AS offset,
       e.index_in_record AS index, r.config_result_id IS NOT NULL AND s.config_result_id IS NULL AS answered
FROM config_event e LEFT JOIN config_result r USING (event_key)
LEFT JOIN config_result_to_send s USING (config_result_id)
ORDER BY e.config_event_id DESC LIMIT :limit
"""),
}


class ReceivedEvents:
    """What was received, in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self, family: Family, *, limit: int) -> list[dict[str, Any]]:
        """Events of a family, newest first."""
        with snapshot(self._engine) as connection:
            return [dict(row) for row in connection.execute(_NEWEST[family], {"limit": limit}).mappings()]
