"""What the books know of a topic's offsets, for replaying it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot, transaction
from domain.metering import DeadLetter, ReceivedEvent
from invoicing.replay_ports import OffsetSpan

_NEXT_OFFSET = text("SELECT next_offset FROM partition_progress WHERE topic = :topic AND partition = :partition")
# Ranges of one partition do not overlap.
_COVERED = text("""
SELECT first_offset, next_offset FROM (
    SELECT first_offset, next_offset FROM batch_range
    WHERE topic = :topic AND partition = :partition AND first_offset < :following AND next_offset > :first
    UNION ALL
    SELECT first_offset, next_offset FROM vacant_offsets
    WHERE topic = :topic AND partition = :partition AND first_offset < :following AND next_offset > :first) AS spans
ORDER BY first_offset
""")
_BATCHES = text("""
SELECT DISTINCT batch_id FROM batch_range
WHERE topic = :topic AND partition = :partition AND first_offset < :following AND next_offset > :first ORDER BY batch_id
""")
# Most events were rated under their own time; only those that were not are looked for everywhere else.
_NOT_RATED = text("""
SELECT w.place
FROM unnest(CAST(:keys AS uuid[]), CAST(:microseconds AS bigint[])) WITH ORDINALITY AS w (event_key, micros, place)
WHERE NOT EXISTS (SELECT FROM usage_event u WHERE u.event_key = w.event_key
                  AND u.event_time = timestamptz '1970-01-01 00:00+00' + w.micros * interval '1 microsecond')
""")
_NOWHERE = text("""
SELECT w.record_offset
FROM unnest(CAST(:keys AS uuid[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
     AS w (event_key, partition, record_offset)
WHERE NOT EXISTS (SELECT FROM usage_event u WHERE u.event_key = w.event_key)
  AND NOT EXISTS (SELECT FROM quarantined_event q WHERE q.event_key = w.event_key)
  AND NOT EXISTS (SELECT FROM conflicting_event c WHERE c.event_key = w.event_key AND c.topic = :topic
                  AND c.partition = w.partition AND c.record_offset = w.record_offset)
  AND NOT EXISTS (SELECT FROM batch_range r JOIN dead_letter d USING (batch_id)
                  WHERE r.topic = :topic AND r.partition = w.partition
                    AND w.record_offset >= r.first_offset AND w.record_offset < r.next_offset
                    AND d.topic = :topic AND d.partition = w.partition AND d.record_offset = w.record_offset)
ORDER BY w.record_offset
""")
_ADD_VACANT = text("""
INSERT INTO vacant_offsets (topic, partition, first_offset, next_offset, found_at)
SELECT :topic, :partition, first_offset, next_offset, :found_at
FROM unnest(CAST(:firsts AS bigint[]), CAST(:followings AS bigint[])) AS v (first_offset, next_offset)
ON CONFLICT DO NOTHING
""")
_RATED = text("SELECT batch_id, event_key FROM usage_event WHERE batch_id = ANY(:batch_ids)")
_ACCOUNTS = text("SELECT DISTINCT account_id FROM usage_event WHERE batch_id = ANY(:batch_ids) ORDER BY account_id")
_ANNOUNCE = text("UPDATE batch SET announced_at = NULL WHERE batch_id = ANY(:batch_ids)")
_WAREHOUSE = text("UPDATE batch SET warehoused_at = NULL WHERE batch_id = ANY(:batch_ids)")


class PostgresReplayedBooks:
    """The ReplayedBooks port on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next_offset(self, topic: str, partition: int) -> int:
        """How far a partition is booked; 0 when nothing is."""
        with snapshot(self._engine) as connection:
            return connection.execute(_NEXT_OFFSET, {"topic": topic, "partition": partition}).scalar() or 0

    def covered(self, topic: str, partition: int, span: OffsetSpan) -> list[OffsetSpan]:
        """The ranges that are booked, or known to be vacant, and meet a span; in order, not cut to it."""
        with snapshot(self._engine) as connection:
            return [OffsetSpan(*row) for row in connection.execute(_COVERED, _place(topic, partition, span))]

    def unaccounted(self, topic: str, events: Sequence[ReceivedEvent], dead: Sequence[DeadLetter]) -> list[int]:
        """Offsets of events and dead letters of booked ranges that are nowhere in the books, one for each."""
        rated_or_not = {
            "keys": [UUID(bytes=item.event.key) for item in events],
            "microseconds": [item.event.time_micros for item in events],
        }
        with snapshot(self._engine) as connection:
            places = connection.execute(_NOT_RATED, rated_or_not).scalars().all()
            rest = [(UUID(bytes=events[place - 1].event.key), events[place - 1].origin) for place in places]
            lost = [*rest, *((None, letter.origin) for letter in dead)]
            facts = {
                "topic": topic,
                "keys": [key for key, _ in lost],
                "partitions": [origin.partition for _, origin in lost],
                "offsets": [origin.offset for _, origin in lost],
            }
            return list(connection.execute(_NOWHERE, facts).scalars()) if lost else []

    def add_vacant(self, topic: str, partition: int, spans: Sequence[OffsetSpan], *, found_at: datetime) -> None:
        """Kafka was read here and has no record. May be called twice."""
        if not spans:
            return
        facts = {
            "topic": topic,
            "partition": partition,
            "found_at": found_at,
            "firsts": [span.first for span in spans],
            "followings": [span.following for span in spans],
        }
        with transaction(self._engine) as connection:
            connection.execute(_ADD_VACANT, facts)

    def batches(self, topic: str, partition: int, span: OffsetSpan) -> list[int]:
        """The batches that booked offsets of a span."""
        with snapshot(self._engine) as connection:
            return list(connection.execute(_BATCHES, _place(topic, partition, span)).scalars())

    def rated_in(self, batch_ids: Sequence[int]) -> Mapping[int, set[UUID]]:
        """The identities rated in each of some batches."""
        rated: dict[int, set[UUID]] = {}
        with snapshot(self._engine) as connection:
            for batch_id, event_key in connection.execute(_RATED, {"batch_ids": list(batch_ids)}):
                rated.setdefault(batch_id, set()).add(event_key)
        return rated

    def accounts_of(self, batch_ids: Sequence[int]) -> list[int]:
        """The accounts that some batches rated events for."""
        with snapshot(self._engine) as connection:
            return list(connection.execute(_ACCOUNTS, {"batch_ids": list(batch_ids)}).scalars())

    def publish_again(self, *, to_topics: Sequence[int], to_warehouse: Sequence[int]) -> None:
        """Take the marks off batches, so that the publisher sends them again."""
        with transaction(self._engine) as connection:
            connection.execute(_ANNOUNCE, {"batch_ids": list(to_topics)})
            connection.execute(_WAREHOUSE, {"batch_ids": list(to_warehouse)})


def _place(topic: str, partition: int, span: OffsetSpan) -> dict[str, object]:
    return {"topic": topic, "partition": partition, "first": span.first, "following": span.following}
