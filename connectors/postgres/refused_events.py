"""Dead letters, conflicts and quarantine in PostgreSQL, as an operator looks at them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot, transaction
from invoicing.release_quarantine import WaitingEvent

_WAITING = """
    SELECT quarantine_id FROM quarantined_event
    WHERE released_at IS NULL AND (CAST(:alias AS text) IS NULL OR subject = :alias)
      AND (CAST(:reason AS text) IS NULL OR reason = :reason)
    ORDER BY quarantine_id LIMIT :limit FOR UPDATE
"""
# Giving up the identity and releasing are one step: were it kept, the event would be taken for its own duplicate.
_RELEASE = text(f"""
WITH chosen AS ({_WAITING}), released AS (
    UPDATE quarantined_event q SET released_at = :released_at FROM chosen WHERE q.quarantine_id = chosen.quarantine_id
    RETURNING q.event_key
), freed AS (
    DELETE FROM event_key k USING released WHERE k.event_key = released.event_key
)
SELECT count(*) FROM released
""")  # noqa: S608 - composed of constants
_TO_SEND = text("""
SELECT quarantine_id, topic, subject, payload FROM quarantined_event
WHERE released_at IS NOT NULL AND sent_at IS NULL ORDER BY quarantine_id LIMIT :limit
""")
_MARK_SENT = text("UPDATE quarantined_event SET sent_at = :sent_at WHERE quarantine_id = ANY(:ids)")
_QUARANTINE = text("""
SELECT quarantine_id AS id, subject AS alias, reason, event_time, received_at, topic, partition, record_offset AS offset
FROM quarantined_event WHERE released_at IS NULL AND (CAST(:alias AS text) IS NULL OR subject = :alias)
ORDER BY quarantine_id LIMIT :limit
""")
_DEAD_LETTERS = text("""
SELECT dead_letter_id AS id, reason, detail, received_at, topic, partition, record_offset AS offset,
       index_in_record AS index, encode(substring(payload FOR 300), 'escape') AS payload
FROM dead_letter WHERE (CAST(:reason AS text) IS NULL OR reason = :reason) ORDER BY dead_letter_id DESC LIMIT :limit
""")
_CONFLICTS = text("""
SELECT conflict_id AS id, source, event_id, received_at, topic, partition, record_offset AS offset,
       encode(substring(payload FOR 300), 'escape') AS payload
FROM conflicting_event ORDER BY conflict_id DESC LIMIT :limit
""")


class RefusedEvents:
    """What could not be booked, in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def release(self, *, alias: str | None, reason: str | None, released_at: datetime, limit: int) -> int:
        """Let waiting events go: gives up their identities, so that they can be booked. Returns how many."""
        with transaction(self._engine) as connection:
            facts = {"alias": alias, "reason": reason, "released_at": released_at, "limit": limit}
            return int(connection.execute(_RELEASE, facts).scalar_one())

    def to_send(self, *, limit: int) -> Sequence[WaitingEvent]:
        """Released events not sent yet, oldest first."""
        with snapshot(self._engine) as connection:
            return [WaitingEvent(*row) for row in connection.execute(_TO_SEND, {"limit": limit})]

    def mark_sent(self, quarantine_ids: Sequence[int], *, sent_at: datetime) -> None:
        """These are on their topic. May be called twice."""
        with transaction(self._engine) as connection:
            connection.execute(_MARK_SENT, {"sent_at": sent_at, "ids": list(quarantine_ids)})

    def quarantine(self, *, alias: str | None, limit: int) -> list[dict[str, Any]]:
        """Events that wait, oldest first."""
        with snapshot(self._engine) as connection:
            return [dict(row) for row in connection.execute(_QUARANTINE, {"alias": alias, "limit": limit}).mappings()]

    def dead_letters(self, *, reason: str | None, limit: int) -> list[dict[str, Any]]:
        """Dead letters, newest first, with the first bytes of their payload."""
        with snapshot(self._engine) as connection:
            return [dict(row) for row in connection.execute(_DEAD_LETTERS, {"reason": reason, "limit": limit}).mappings()]

    def conflicts(self, *, limit: int) -> list[dict[str, Any]]:
        """Conflicting events, newest first, with the first bytes of their payload."""
        with snapshot(self._engine) as connection:
            return [dict(row) for row in connection.execute(_CONFLICTS, {"limit": limit}).mappings()]
