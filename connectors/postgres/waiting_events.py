"""Letting waiting events go, and what people decided about them, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from connectors.postgres import audit
from connectors.postgres.database import snapshot, transaction
from connectors.postgres.refused_events import DEAD, WAITING, parameters
from invoicing.administer import Author
from invoicing.decide_waiting import Decision
from invoicing.sending_again import Choice, EventToSend, Place

# Giving up the identity and releasing are one step: were it kept, the event would be taken for its own duplicate.
_RELEASE = text(f"""
WITH chosen AS (
    SELECT quarantine_id FROM quarantined_event
    WHERE {WAITING} AND reason IS DISTINCT FROM CAST(:without AS text) ORDER BY quarantine_id LIMIT :limit FOR UPDATE
), released AS (
    UPDATE quarantined_event q SET released_at = :released_at FROM chosen WHERE q.quarantine_id = chosen.quarantine_id
    RETURNING q.event_key
), freed AS (
    DELETE FROM event_key k USING released WHERE k.event_key = released.event_key
)
SELECT count(*) FROM released
""")  # noqa: S608 - composed of constants, as all statements here
# The configuration is locked first, as workers do: a decision changes it, and waits for the batches that are being booked.
_LOCK_CONFIG = text("SELECT version FROM config_version FOR UPDATE")
_ACCEPT = text(f"""
WITH chosen AS (
    SELECT quarantine_id FROM quarantined_event WHERE {WAITING} ORDER BY quarantine_id LIMIT :limit FOR UPDATE
), accepted AS (
    UPDATE quarantined_event q
    SET released_at = :at, decision = 'accepted', decided_at = :at, decided_by = :by, decided_why = :why
    FROM chosen WHERE q.quarantine_id = chosen.quarantine_id
    RETURNING q.quarantine_id, q.event_key, q.subject, q.event_time, q.reason
), freed AS (
    DELETE FROM event_key k USING accepted WHERE k.event_key = accepted.event_key
)
SELECT * FROM accepted ORDER BY quarantine_id
""")  # noqa: S608
_REJECT = text(f"""
WITH chosen AS (
    SELECT quarantine_id FROM quarantined_event WHERE {WAITING} ORDER BY quarantine_id LIMIT :limit FOR UPDATE
), rejected AS (
    UPDATE quarantined_event q SET decision = 'rejected', decided_at = :at, decided_by = :by, decided_why = :why
    FROM chosen WHERE q.quarantine_id = chosen.quarantine_id
    RETURNING q.quarantine_id, q.event_key, q.subject, q.event_time, q.reason
)
SELECT * FROM rejected ORDER BY quarantine_id
""")  # noqa: S608
_UNDECIDABLE = text("""
SELECT wanted.id,
       CASE WHEN q.quarantine_id IS NULL THEN 'does not exist' WHEN q.decision IS NOT NULL THEN 'is ' || q.decision
            WHEN q.released_at IS NOT NULL THEN 'was released' ELSE 'waits for ' || q.reason END
FROM unnest(CAST(:ids AS bigint[])) AS wanted (id) LEFT JOIN quarantined_event q ON q.quarantine_id = wanted.id
WHERE NOT coalesce(q.decision = :decision OR q.decision IS NULL AND q.released_at IS NULL
                   AND (q.reason = 'too_late' OR :decision = 'rejected'), false)
ORDER BY wanted.id
""")
_COUNT_WAITING = text(f"SELECT count(*) FROM quarantined_event WHERE {WAITING}")  # noqa: S608
_TO_SEND = text("""
SELECT quarantine_id, topic, payload, subject FROM quarantined_event
WHERE released_at IS NOT NULL AND sent_at IS NULL ORDER BY quarantine_id LIMIT :limit
""")
_MARK_SENT = text("""
UPDATE quarantined_event q SET sent_at = :at, sent_partition = p.partition, sent_offset = p.record_offset
FROM unnest(CAST(:ids AS bigint[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
     AS p (id, partition, record_offset)
WHERE q.quarantine_id = p.id
""")
_TO_REPLAY = text(f"""
SELECT dead_letter_id, topic, partition, payload, index_in_record FROM dead_letter
WHERE {DEAD} AND (replayed_at IS NULL OR :again AND replayed_at < :before) AND received_at < :before
ORDER BY dead_letter_id LIMIT :limit
""")  # noqa: S608
_MARK_REPLAYED = text("""
UPDATE dead_letter d SET replayed_at = :at, replayed_partition = p.partition, replayed_offset = p.record_offset
FROM unnest(CAST(:ids AS bigint[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
     AS p (id, partition, record_offset)
WHERE d.dead_letter_id = p.id
""")


class WaitingEvents:
    """The quarantine of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def release(self, choice: Choice, *, without: str | None, released_at: datetime, limit: int) -> int:
        """Let waiting events go, but none that wait for the reason `without`. Returns how many."""
        facts = parameters(choice) | {"without": without, "released_at": released_at, "limit": limit}
        with transaction(self._engine) as connection:
            return int(connection.execute(_RELEASE, facts).scalar_one())

    def count_waiting(self, choice: Choice) -> int:
        """How many events wait, of those chosen."""
        with snapshot(self._engine) as connection:
            return int(connection.execute(_COUNT_WAITING, parameters(choice)).scalar_one())

    def decide(self, choice: Choice, decision: Decision, *, author: Author, why: str, limit: int) -> int:
        """Write a decision onto waiting events, with an audit record each. Returns how many."""
        facts = parameters(choice) | {"at": author.at, "by": author.name, "why": why, "limit": limit}
        with transaction(self._engine) as connection:
            connection.execute(_LOCK_CONFIG)
            rows = connection.execute(_ACCEPT if decision is Decision.ACCEPTED else _REJECT, facts).all()
            changes = [
                audit.Change(
                    f"quarantine {row.quarantine_id}",
                    {"reason": row.reason},
                    {"event_key": row.event_key, "alias": row.subject, "event_time": row.event_time, "why": why},
                )
                for row in rows
            ]
            audit.record(connection, changes, action=f"usage.{decision}", actor=author.name, at=author.at)
        return len(rows)

    def undecidable(self, ids: Sequence[int], decision: Decision) -> list[tuple[int, str]]:
        """Of some ids: those that neither wait nor have this decision, with what became of them."""
        with snapshot(self._engine) as connection:
            rows = connection.execute(_UNDECIDABLE, {"ids": list(ids), "decision": decision.value})
            return [(number, became) for number, became in rows]

    def to_send(self, *, limit: int) -> list[EventToSend]:
        """Released events not sent yet, oldest first."""
        with snapshot(self._engine) as connection:
            return [
                EventToSend(number, topic, payload, key=alias)
                for number, topic, payload, alias in connection.execute(_TO_SEND, {"limit": limit})
            ]

    def mark_sent(self, places: Mapping[int, Place], *, sent_at: datetime) -> None:
        """These are on their topic, there. May be called twice."""
        with transaction(self._engine) as connection:
            connection.execute(_MARK_SENT, _placed(places) | {"at": sent_at})


class PostgresDeadLetters:
    """The dead letters of one database, to be sent again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def to_replay(self, choice: Choice, *, again: bool, before: datetime, limit: int) -> list[EventToSend]:
        """Chosen dead letters not replayed yet, oldest first; with `again` also those replayed earlier than `before`.

        Letters received after `before` are left: they may be what an earlier letter of this very replay became.
        """
        facts = parameters(choice) | {"again": again, "before": before, "limit": limit}
        with snapshot(self._engine) as connection:
            return _letters(connection, facts)

    def mark_replayed(self, places: Mapping[int, Place], *, replayed_at: datetime) -> None:
        """Their bytes are on their topic, there. May be called twice."""
        with transaction(self._engine) as connection:
            connection.execute(_MARK_REPLAYED, _placed(places) | {"at": replayed_at})


def _letters(connection: Connection, facts: Mapping[str, object]) -> list[EventToSend]:
    events = []
    for number, topic, partition, payload, index in connection.execute(_TO_REPLAY, facts):
        # What stood in an array and is no object would read as something else on its own: a nested array as a batch.
        alone = index is None or payload[:1] == b"{"
        events.append(EventToSend(number, topic, payload if alone else b"[" + payload + b"]", partition=partition))
    return events


def _placed(places: Mapping[int, Place]) -> dict[str, object]:
    return {
        "ids": list(places),
        "partitions": [place.partition for place in places.values()],
        "offsets": [place.offset for place in places.values()],
    }
