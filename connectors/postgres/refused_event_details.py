"""Everything known about one dead letter, conflict or event in quarantine, and what became of it when it was sent again."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot
from domain.errors import NotFound

_DEAD_LETTER = text("""
SELECT dead_letter_id AS id, reason, detail, topic, partition, record_offset AS offset, index_in_record AS index,
       received_at, batch_id, replayed_at, replayed_partition AS sent_partition, replayed_offset AS sent_offset, payload
FROM dead_letter WHERE dead_letter_id = :id
""")
_QUARANTINE = text("""
SELECT quarantine_id AS id, reason, subject AS alias, event_time, topic, partition, record_offset AS offset,
       index_in_record AS index, received_at, batch_id, event_key, released_at, sent_at, sent_partition, sent_offset,
       decision, decided_at, decided_by, decided_why, payload
FROM quarantined_event WHERE quarantine_id = :id
""")
_CONFLICT = text("""
SELECT conflict_id AS id, source, event_id, topic, partition, record_offset AS offset, index_in_record AS index, received_at,
       batch_id, event_key, payload
FROM conflicting_event WHERE conflict_id = :id
""")
_STATEMENTS: Final = {"dead-letter": _DEAD_LETTER, "quarantine": _QUARANTINE, "conflict": _CONFLICT}
# Of several events rated under one identity, the last one before the conflict is what it was compared with.
_RATED = text("""
SELECT 'rated' AS state, u.subject AS alias, u.meter, u.event_time AS time, u.quantity_millionths, u.properties,
       u.received_at, u.batch_id, u.partition, u.record_offset AS offset, a.code AS account, u.amount_micros
FROM usage_event u JOIN account a USING (account_id) WHERE u.event_key = :event_key
ORDER BY u.batch_id > :batch_id, u.batch_id DESC LIMIT 1
""")
_WAITED = text("""
SELECT coalesce(decision, 'in quarantine') AS state, subject AS alias, event_time AS time, received_at, batch_id, partition,
       record_offset AS offset, quarantine_id, payload
FROM quarantined_event WHERE event_key = :event_key ORDER BY batch_id > :batch_id, quarantine_id DESC LIMIT 1
""")
_BECAME = text("""
SELECT 'dead letter ' || dead_letter_id || ' (' || reason || ')' FROM dead_letter
WHERE topic = :topic AND partition = :partition AND record_offset = :offset
UNION ALL SELECT 'quarantine ' || quarantine_id || ' (' || reason || ')' FROM quarantined_event
WHERE topic = :topic AND partition = :partition AND record_offset = :offset
UNION ALL SELECT 'conflict ' || conflict_id FROM conflicting_event
WHERE topic = :topic AND partition = :partition AND record_offset = :offset
UNION ALL SELECT 'rated for ' || a.code || ', ' || u.amount_micros || ' micros, batch ' || u.batch_id
FROM batch_range r JOIN usage_event u USING (batch_id) JOIN account a USING (account_id)
WHERE r.topic = :topic AND r.partition = :partition AND :offset >= r.first_offset AND :offset < r.next_offset
  AND u.partition = :partition AND u.record_offset = :offset
""")
_READ = text("""
SELECT next_offset > :offset FROM partition_progress WHERE topic = :topic AND partition = :partition
""")


class RefusedEventDetails:
    """One database's refused events, one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, kind: str, number: int) -> dict[str, Any]:
        """Everything about one; `kind` is dead-letter, quarantine or conflict. Raises NotFound.

        A conflict has `conflicts_with` (None when that event is gone); what was sent again has `became`.
        """
        with snapshot(self._engine) as connection:
            row = connection.execute(_STATEMENTS[kind], {"id": number}).mappings().one_or_none()
            if row is None:
                raise NotFound(f"{kind} {number} does not exist: `billing events` lists them")
            facts = dict(row)
            if kind == "conflict":
                facts["conflicts_with"] = _other(connection, facts)
            elif facts["sent_offset"] is not None:
                facts["became"] = _became(connection, facts)
        return facts


def _other(connection: Connection, facts: dict[str, Any]) -> dict[str, Any] | None:
    identity = {"event_key": facts["event_key"], "batch_id": facts["batch_id"]}
    for statement in (_RATED, _WAITED):
        row = connection.execute(statement, identity).mappings().one_or_none()
        if row is not None:
            return dict(row)
    return None


def _became(connection: Connection, facts: dict[str, Any]) -> str:
    place = {"topic": facts["topic"], "partition": facts["sent_partition"], "offset": facts["sent_offset"]}
    found = connection.execute(_BECAME, place).scalars().all()
    if found:
        return "; ".join(found)
    return "a duplicate" if connection.execute(_READ, place).scalar() else "not read by a worker yet"
