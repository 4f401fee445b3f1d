"""The outbox: batches without their mark, read from the books themselves, so nothing to send is kept anywhere else."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, LiteralString

from connectors.postgres.lasting_connection import LastingConnection
from connectors.postgres.rated_events import BookedBatch, RatedEventReader
from invoicing.publish_usage import Announcement, RatedBatch, RefusedEvent

# Batches in order until their events fill a sending; at least one, so a large one passes too.
_UNANNOUNCED: Final = """
SELECT batch_id, rated, config_version FROM batch WHERE announced_at IS NULL ORDER BY batch_id LIMIT 500
"""
_UNWAREHOUSED: Final = """
SELECT batch_id, rated, config_version FROM batch WHERE warehoused_at IS NULL ORDER BY batch_id LIMIT 500
"""
_MARK_ANNOUNCED: Final = "UPDATE batch SET announced_at = %s WHERE batch_id = ANY(%s) AND announced_at IS NULL"
_MARK_WAREHOUSED: Final = "UPDATE batch SET warehoused_at = %s WHERE batch_id = ANY(%s) AND warehoused_at IS NULL"
_REFUSED: Final = """
SELECT false, dead_letter_id, topic, partition, record_offset, index_in_record, reason, detail, payload FROM dead_letter
WHERE batch_id = ANY(%s)
UNION ALL
SELECT true, conflict_id, topic, partition, record_offset, index_in_record, 'conflict',
       'an event with this source and id but another body was booked before', payload
FROM conflicting_event WHERE batch_id = ANY(%s) ORDER BY 1, 2
"""
# A mark lost in a crash only means sending again, so marks do not wait for the disk that debits wait for. Statements are
# planned once: planning anew looks at every day's chunk of usage_event.
_SESSION: Final = {"synchronous_commit": "off", "plan_cache_mode": "force_generic_plan"}


class PostgresOutbox:
    """The outbox of one database, through one connection that is opened again when it breaks."""

    def __init__(self, dsn: str, *, clock: Callable[[], datetime], reader: RatedEventReader) -> None:
        self._reader = reader
        self._clock = clock
        self._connection = LastingConnection(dsn, _SESSION, prepare_threshold=0)

    def hold(self, destination: str) -> AbstractContextManager[bool]:
        """Try to become the one sender of a destination; False when another process is."""
        return self._connection.alone(destination)

    def unannounced(self, *, events_max: int) -> Announcement | None:
        """The oldest batches not yet on their topics, about `events_max` events; None when there are none."""
        chosen = self._oldest(_UNANNOUNCED, events_max)
        if not chosen:
            return None
        batch_ids = [batch.batch_id for batch in chosen]
        refused = self._rows(_REFUSED, (batch_ids, batch_ids))
        return Announcement(
            batch_ids,
            self._rated(chosen),
            [RefusedEvent(*row) for is_conflict, _, *row in refused if not is_conflict],
            [RefusedEvent(*row) for is_conflict, _, *row in refused if is_conflict],
        )

    def unwarehoused(self, *, events_max: int) -> tuple[Sequence[int], Sequence[str]] | None:
        """The oldest batches not yet in the warehouse, with their rows; None when there are none."""
        chosen = self._oldest(_UNWAREHOUSED, events_max)
        if not chosen:
            return None
        return [batch.batch_id for batch in chosen], [row for batch in self._rated(chosen) for row in batch.rows]

    def mark_announced(self, batch_ids: Sequence[int]) -> None:
        """These are on their topics. May be called twice."""
        self._rows(_MARK_ANNOUNCED, (self._clock(), list(batch_ids)))

    def mark_warehoused(self, batch_ids: Sequence[int]) -> None:
        """These are in the warehouse. May be called twice."""
        self._rows(_MARK_WAREHOUSED, (self._clock(), list(batch_ids)))

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._connection.close()

    def _oldest(self, statement: LiteralString, events_max: int) -> list[BookedBatch]:
        chosen: list[BookedBatch] = []
        events = 0
        for row in self._rows(statement, ()):
            batch = BookedBatch(*row)
            if chosen and events + batch.rated > events_max:
                break
            chosen.append(batch)
            events += batch.rated
        return chosen

    def _rated(self, batches: Sequence[BookedBatch]) -> list[RatedBatch]:
        with self._connection.in_use() as connection:
            return self._reader.batches(connection, batches)

    def _rows(self, statement: LiteralString, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._connection.in_use() as connection, connection.cursor(binary=True) as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
