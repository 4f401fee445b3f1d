"""The store of payment and config events: one plain transaction a batch, one at a time for each family.

Rates are low, so workers of a family take turns: the lock makes the look at known identities certain, and events are
handed over in one order. Locks are always taken in the same order (family, partitions), so nobody waits in a circle.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, sql

from connectors.postgres.lasting_connection import LastingConnection
from domain.metering import Origin, Outcome, Partition
from domain.receiving import Family, Received, Sorted
from invoicing.metering_ports import Balance, OffsetRange

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SESSION: Final = {"statement_timeout": "30s", "lock_timeout": "20s", "idle_in_transaction_session_timeout": "60s"}
_TAKE_TURN: Final = "SELECT pg_advisory_xact_lock(hashtext(%s))"
# A row that is not there cannot be locked: two workers that meet on a partition for the first time would both take it.
_ADD_PARTITION: Final = (
    "INSERT INTO partition_progress (topic, partition, next_offset) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING"
)
_LOCK_PARTITION: Final = "SELECT next_offset FROM partition_progress WHERE topic = %s AND partition = %s FOR UPDATE"
_KNOWN: Final = sql.SQL("SELECT event_key, body_digest FROM {} WHERE event_key = ANY(%s)")
# Nothing here is rated, so the version of the configuration is only noted; nothing of it goes to the warehouse.
_INSERT_BATCH: Final = """
INSERT INTO batch (worker, config_version, booked_at, rated, warehoused_at)
SELECT %(worker)s, version, %(booked_at)s, 0, %(booked_at)s FROM config_version RETURNING batch_id
"""
_INSERT_RANGE: Final = """
INSERT INTO batch_range (batch_id, topic, partition, first_offset, next_offset, records,
    received, rated, accepted, duplicate, conflict, dead_lettered, quarantined)
VALUES (%s, %s, %s, %s, %s, %s, %s, 0, %s, %s, %s, %s, 0)
"""
_ADVANCE: Final = "UPDATE partition_progress SET next_offset = %s WHERE topic = %s AND partition = %s"
_INSERT_EVENT: Final = sql.SQL("""
INSERT INTO {} (batch_id, topic, partition, record_offset, received_at, index_in_record, event_key, body_digest, event_time,
    source, event_id, type, subject, data, payload, handled_as)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s)
""")
_INSERT_CONFLICT: Final = """
INSERT INTO conflicting_event (batch_id, topic, partition, record_offset, received_at, index_in_record, event_key, source,
    event_id, payload)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_INSERT_DEAD_LETTER: Final = """
INSERT INTO dead_letter (batch_id, topic, partition, record_offset, received_at, index_in_record, reason, detail, payload)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class PostgresReceivingStore:
    """One family's events in PostgreSQL, through one connection that is opened again when it breaks."""

    def __init__(self, dsn: str, family: Family, *, worker: str, clock: Callable[[], datetime]) -> None:
        self._family = family
        self._worker = worker
        self._clock = clock
        self._connection = LastingConnection(dsn, _SESSION)

    @contextmanager
    def begin(self) -> Iterator["PostgresReceivingTransaction"]:
        """A transaction: commits when left normally, rolls back when left by an exception.

        Raises EngineUnavailable for everything that may pass: a lost connection, a lock not given, a deadlock.
        """
        with self._connection.transaction() as connection:
            yield PostgresReceivingTransaction(connection, self._family, worker=self._worker, booked_at=self._clock())

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._connection.close()


class PostgresReceivingTransaction:
    """One batch's transaction."""

    def __init__(self, connection: Connection[tuple[Any, ...]], family: Family, *, worker: str, booked_at: datetime) -> None:
        self._connection = connection
        self._family = family
        self._worker = worker
        self._booked_at = booked_at
        self._table = sql.Identifier(f"{family.value}_event")
        self._told: list[Balance] = []

    @property
    def told(self) -> Sequence[Balance]:
        """Every balance that `tell` was given."""
        return self._told

    def tell(self, balances: Sequence[Balance]) -> None:
        """Balances that changed, to be told to the cache after the commit."""
        self._told += balances

    def open(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Take the family's turn and lock the partitions, in their order."""
        self._connection.execute(_TAKE_TURN, (f"receive {self._family.topic}",))
        next_offsets: dict[Partition, int] = {}
        for partition in sorted(partitions):
            self._connection.execute(_ADD_PARTITION, partition)
            ((next_offsets[partition],),) = self._connection.execute(_LOCK_PARTITION, partition).fetchall()
        return next_offsets

    def known(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Identities stored before, with their body digests."""
        cursor = self._connection.execute(_KNOWN.format(self._table), ([UUID(bytes=key) for key in keys],))
        return {key.bytes: digest.bytes for key, digest in cursor.fetchall()}

    def save(self, events: Sorted[Any], handled_as: Sequence[str], ranges: Mapping[Partition, OffsetRange]) -> None:
        """Write the batch, its ranges and how far they are, its events, conflicts and dead letters."""
        self._write_batch(events, handled_as, ranges)

    def _write_batch(self, events: Sorted[Any], handled_as: Sequence[str], ranges: Mapping[Partition, OffsetRange]) -> int:
        """Returns the batch's id."""
        head = {"worker": self._worker, "booked_at": self._booked_at}
        ((batch_id,),) = self._connection.execute(_INSERT_BATCH, head).fetchall()
        with self._connection.cursor() as cursor:
            cursor.executemany(_INSERT_RANGE, _range_rows(batch_id, events, ranges))
            cursor.executemany(_ADVANCE, [(span.next_offset, *partition) for partition, span in ranges.items()])
            accepted = zip(events.accepted, handled_as, strict=True)
            rows = [_event_row(batch_id, item, handled) for item, handled in accepted]
            cursor.executemany(_INSERT_EVENT.format(self._table), rows)
            cursor.executemany(_INSERT_CONFLICT, [_conflict_row(batch_id, item) for item in events.conflicts])
            cursor.executemany(
                _INSERT_DEAD_LETTER,
                [
                    (batch_id, *_place(letter.origin), letter.index, letter.reason.value, letter.detail, letter.payload)
                    for letter in events.dead_letters
                ],
            )
        return int(batch_id)


def _range_rows(batch_id: int, events: Sorted[Any], ranges: Mapping[Partition, OffsetRange]) -> list[tuple[Any, ...]]:
    counts = events.counts()
    kinds = (Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.CONFLICT, Outcome.DEAD_LETTERED)
    rows = []
    for partition, span in ranges.items():
        ends = [counts[partition][kind] if partition in counts else 0 for kind in kinds]
        rows.append((batch_id, *partition, span.first_offset, span.next_offset, span.records, sum(ends), *ends))
    return rows


def _event_row(batch_id: int, item: Received[Any], handled_as: str) -> tuple[Any, ...]:
    event = item.event
    return (
        batch_id,
        *_place(item.origin),
        item.index,
        UUID(bytes=event.key),
        UUID(bytes=event.body_digest),
        _moment(event.time_micros),
        event.source,
        event.id,
        event.type,
        event.subject,
        event.data_json,
        item.payload,
        handled_as,
    )


def _conflict_row(batch_id: int, item: Received[Any]) -> tuple[Any, ...]:
    event = item.event
    return batch_id, *_place(item.origin), item.index, UUID(bytes=event.key), event.source, event.id, item.payload


def _place(origin: Origin) -> tuple[Any, ...]:
    return origin.topic, origin.partition, origin.offset, _moment(origin.received_micros)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
