"""The metering store: one transaction a batch, in two round trips and a COPY, or two where events have further parts.

Locks are always taken in the same order (configuration, partitions, identities by key, wallets by id, price positions by
key), so workers wait for each other but never in a circle. Statements: connectors/postgres/metering_sql.py.
"""

import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, LiteralString, NoReturn, cast

import psycopg
from psycopg import Connection, Cursor
from psycopg.pq import TransactionStatus

from connectors.postgres import metering_sql as sql
from connectors.postgres.binary import (
    BinaryArray,
    int4_array,
    int8_array,
    register,
    text_array,
    timestamp_array,
    uuid_array,
)
from connectors.postgres.metering_hints import MeteringHints
from connectors.postgres.metering_parts import RememberedParts, save_parts, sum_arrays, total_key_arrays
from connectors.postgres.metering_refused import save_refused
from connectors.postgres.rating_config import LoadedConfig, load_rating_config, one_moment
from connectors.postgres.rating_config_changes import bring_up_to_date
from connectors.postgres.usage_rows import copy_further_rows, copy_rows, pack_events
from domain.attribution import RatingConfig
from domain.errors import EngineUnavailable
from domain.metering import Outcome, Partition, Prepared, Settled, Total, TotalKey, Waiting
from domain.rating.touched import touched_by
from invoicing.hold_ports import CachedStanding, Credit
from invoicing.metering_ports import AlreadyCounted, Balance, OffsetRange, Outdated, Position, TooLarge

_PORTION: Final = 2_000
"""Wallets read at a time."""


class PostgresMeteringStore:
    """The truth in PostgreSQL, through one connection that is opened again when it breaks."""

    def __init__(
        self, dsn: str, *, worker: str, clock: Callable[[], datetime], server_works: Callable[[], None] = lambda: None
    ) -> None:
        self._dsn = dsn
        self._server_works = server_works
        self._worker = worker
        self._clock = clock
        self._hints = MeteringHints()
        self._loaded: LoadedConfig | None = None
        self._connection: Connection[tuple[Any, ...]] | None = None

    def config(self) -> RatingConfig:
        """The present truth to rate with, read in one snapshot: what changed since the last time, or everything."""
        with self._transaction() as connection:
            one_moment(connection)
            loaded = bring_up_to_date(connection, self._loaded) if self._loaded is not None else None
            self._loaded = loaded or load_rating_config(connection)
        return self._loaded.config

    def balances(self, account_ids: Sequence[int]) -> list[Balance]:
        """Committed balances of some accounts."""
        with self._transaction() as connection:
            cursor = connection.execute(sql.BALANCES, (list(account_ids),))
            return [Balance(*row) for row in cursor.fetchall()]

    def all_balances(self) -> list[Balance]:
        """Committed balances of every wallet: what a cache is filled with."""
        with self._transaction() as connection:
            cursor = connection.execute(sql.ALL_BALANCES)
            return [Balance(*row) for row in cursor.fetchall()]

    def credit_in_portions(self) -> Iterator[Sequence[Credit]]:
        """Every wallet with what its owner may do, some thousands at a time: what a cache is filled with."""
        with self._transaction() as connection, connection.cursor(name="credit") as cursor:
            cursor.execute(sql.ALL_CREDIT)
            while rows := cursor.fetchmany(_PORTION):
                yield [Credit(Balance(*row[:4]), CachedStanding(row[1], *row[4:])) for row in rows]

    @contextmanager
    def begin(self) -> Iterator["PostgresMeteringTransaction"]:
        """A transaction: commits when left normally, rolls back when left by an exception.

        Raises TooLarge when a number does not fit, and as `_guarded` does.
        """
        with self._guarded() as connection:
            try:
                # It begins with its first statements, in the same round trip.
                transaction = PostgresMeteringTransaction(
                    connection, worker=self._worker, booked_at=self._clock(), hints=self._hints
                )
                transaction.server_works = self._server_works
                yield transaction
            except BaseException as error:
                if not connection.closed:
                    _roll_back(connection)
                if isinstance(error, psycopg.errors.NumericValueOutOfRange | struct.error):
                    raise TooLarge(str(error).partition("\n")[0]) from error
                raise
            connection.execute("COMMIT")
            self._hints.remember(transaction.totals_after)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[Connection[tuple[Any, ...]]]:
        with self._guarded() as connection, connection.transaction():
            yield connection

    @contextmanager
    def _guarded(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """Raises EngineUnavailable for everything that may pass: a lost connection, a lock not given, a missing table.

        What may be the fault of the values in a batch is raised as it is.
        """
        try:
            yield self._connected()
        except (psycopg.DataError, psycopg.IntegrityError):
            raise
        except psycopg.Error as error:
            self.close()
            reason = str(error).strip().splitlines()[0]
            raise EngineUnavailable(f"PostgreSQL does not answer ({reason}): see `make status`") from error

    def _connected(self) -> Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            connection = Connection.connect(self._dsn, autocommit=True, connect_timeout=5, prepare_threshold=0)
            connection.execute(sql.SESSION)
            register(connection)
            self._connection = connection
        return self._connection


class PostgresMeteringTransaction:
    """One batch's transaction."""

    def __init__(
        self, connection: Connection[tuple[Any, ...]], *, worker: str, booked_at: datetime, hints: MeteringHints
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._booked_at = booked_at
        self._hints = hints
        self.server_works: Callable[[], None] = lambda: None
        """Called when everything was sent, and only the server has something to do."""
        self._packed: Mapping[bytes, bytes] | None = None
        """Rows of the events as far as they are known before the price."""
        self._totals_before: Mapping[TotalKey, Total] = {}
        self._remembered = False
        self.totals_after: dict[TotalKey, Total] = {}
        """Running totals as they are when this has committed."""
        self._batch_id = 0
        self._config_version = 0

    def open(self, prepared: Prepared, partitions: Sequence[Partition], *, counted: Collection[bytes]) -> Position:
        """Lock what the batch touches, claim its identities, read its running totals: one round trip."""
        # An event counted before claims nothing: a conflict would leave its own digest for later retries to be judged by.
        firsts = [first.received for key, first in prepared.firsts.items() if key not in counted]
        claims = {
            "keys": uuid_array([first.event.key for first in firsts]),
            "digests": uuid_array([first.event.body_digest for first in firsts]),
            "received_at": timestamp_array([first.origin.received_micros for first in firsts]),
        }
        position = None
        if not self._hints.repeats_expected:
            position = self._open_at_once(prepared, partitions, claims, len(firsts))
        if position is None:
            refused, position = self._lock(prepared, partitions, sql.CLAIM, claims)
            position.known = self._known({key.bytes: digest and digest.bytes for key, digest in refused.fetchall()})
            self._hints.repeats_seen(len(position.known))
        waiting = [key for key, first in prepared.firsts.items() if type(first) is Waiting]
        if waiting:
            position.known = {**position.known, **self._digests(sql.STILL_WAITING, waiting)}
        return position

    def _open_at_once(
        self, prepared: Prepared, partitions: Sequence[Partition], claims: Mapping[str, BinaryArray], number: int
    ) -> Position | None:
        """Claim identities of which none is known. None, and nothing done, when one of them is."""
        try:
            claimed, position = self._lock(prepared, partitions, sql.CLAIM_ALL, claims)
        except psycopg.errors.UniqueViolation:
            # Another worker claimed one in the same moment.
            claimed = None
        if claimed is not None and claimed.rowcount == number:
            return position
        _roll_back(self._connection)
        return None

    def _lock(
        self,
        prepared: Prepared,
        partitions: Sequence[Partition],
        claim: LiteralString,
        claims: Mapping[str, BinaryArray],
    ) -> tuple[Cursor[tuple[Any, ...]], Position]:
        """Begin, take every lock in its order, and read; returns what the claim answered."""
        touched = touched_by(prepared.usages())
        remembered = self._hints.totals(touched.totals)
        unread = [key for key in touched.totals if key not in remembered]
        parts = RememberedParts(touched)
        wanted = _partition_arrays(partitions)
        connection = self._connection
        with connection.pipeline():
            connection.execute("BEGIN")
            versions = connection.execute(sql.LOCK_CONFIG)
            connection.execute(sql.ADD_PARTITIONS, wanted)
            progress = connection.execute(sql.LOCK_PARTITIONS, wanted)
            claimed = connection.execute(claim, claims)
            connection.execute(sql.LOCK_WALLETS, (int8_array(list(touched.wallets)),))
            parts.ask(connection)
            running = connection.execute(sql.TOTALS, total_key_arrays(unread)) if unread else None
            if self._packed is None:
                # Here, because the server is busy claiming and locking by now.
                self._packed = pack_events(prepared.usages())
        ((self._config_version, self._batch_id),) = versions.fetchall()
        read = {unread[ordinal - 1]: Total(*total) for ordinal, *total in running.fetchall()} if running else {}
        self._totals_before, self._remembered = {**remembered, **read}, bool(remembered)
        next_offsets = {(topic, partition): offset for topic, partition, offset in progress.fetchall()}
        return claimed, Position(self._config_version, next_offsets, {}, self._totals_before, parts.answer())

    def _known(self, refused: dict[bytes, bytes | None]) -> Mapping[bytes, bytes]:
        if None not in refused.values():
            return cast("dict[bytes, bytes]", refused)
        # Claimed by a transaction that committed while this one waited: its digests are visible only from here on.
        known = self._digests(sql.DIGESTS, list(refused))
        if len(known) < len(refused):
            raise psycopg.OperationalError("an identity was released in the same moment")
        return known

    def _digests(self, statement: LiteralString, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        cursor = self._connection.execute(statement, (uuid_array(keys),))
        return {key.bytes: digest.bytes for key, digest in cursor.fetchall()}

    def save(self, settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> list[Balance]:
        """Write the batch: a COPY of the rated events and one round trip."""
        if settled.rated:
            try:
                self._copy(settled)
            except psycopg.errors.UniqueViolation as error:
                _roll_back(self._connection)
                raise AlreadyCounted(self._counted_before(settled)) from error
        connection = self._connection
        with connection.pipeline():
            head = (self._batch_id, self._worker, self._config_version, self._booked_at, len(settled.rated))
            connection.execute(sql.INSERT_BATCH, head)
            connection.execute(sql.INSERT_RANGES, (self._batch_id, *_range_arrays(settled, ranges)))
            connection.execute(
                sql.ADVANCE,
                (
                    *_partition_arrays(list(ranges)),
                    int8_array([span.next_offset for span in ranges.values()]),
                ),
            )
            changes = self._add_totals(settled.totals)
            save_parts(connection, settled)
            debits = (
                int8_array(list(settled.debits)),
                int8_array(list(settled.debits.values())),
                str(self._batch_id),
                self._booked_at,
            )
            changed = connection.execute(sql.DEBIT, debits) if settled.debits else None
            save_refused(connection, settled, batch_id=self._batch_id)
            self.server_works()
            self.totals_after = _after(self._totals_before, settled.totals)
        if any(cursor.rowcount != number for cursor, number in changes):
            self._totals_moved()
        return [Balance(*row) for row in changed.fetchall()] if changed is not None else []

    def _add_totals(self, added: Mapping[TotalKey, Total]) -> list[tuple[Cursor[tuple[Any, ...]], int]]:
        """Add to the running totals the batch was settled with. Returns cursors and how many rows each has to change."""
        before = self._totals_before
        there = [key for key in added if key in before]
        new = [key for key in added if key not in before]
        changes = []
        if there:
            sums = (*sum_arrays([added[key] for key in there]), *sum_arrays([before[key] for key in there]))
            changes.append((self._connection.execute(sql.CHANGE_TOTALS, (*total_key_arrays(there), *sums)), len(there)))
        if new:
            rows = (*total_key_arrays(new), *sum_arrays([added[key] for key in new]))
            changes.append((self._connection.execute(sql.NEW_TOTALS, rows), len(new)))
        return changes

    def _totals_moved(self) -> NoReturn:
        _roll_back(self._connection)
        self._hints.forget()
        if self._remembered:
            raise Outdated
        raise psycopg.OperationalError("a running total was changed without its wallet's lock")

    def _copy(self, settled: Settled) -> None:
        rated, packed = settled.rated, self._packed or {}
        if any(usage.metered_millionths is not None for usage in rated):
            self._copy_in(sql.COPY_METERED_EVENTS, copy_rows(rated, packed, batch_id=self._batch_id, metered=True))
        else:
            self._copy_in(sql.COPY_EVENTS, copy_rows(rated, packed, batch_id=self._batch_id))
        if any(usage.further for usage in rated):
            self._copy_in(sql.COPY_FURTHER, copy_further_rows(rated, batch_id=self._batch_id))

    def _copy_in(self, statement: LiteralString, rows: bytes) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(rows)

    def _counted_before(self, settled: Settled) -> dict[bytes, bytes]:
        events = [usage.received.event for usage in settled.rated]
        keys, times = (
            uuid_array([event.key for event in events]),
            timestamp_array([event.time_micros for event in events]),
        )
        cursor = self._connection.execute(sql.COUNTED_BEFORE, (keys, times))
        booked = {row[0].bytes: row[1:] for row in cursor.fetchall()}
        mine = {event.key: event for event in events}
        return {
            key: mine[key].body_digest
            if body == (mine[key].meter, mine[key].subject, mine[key].quantity_millionths, mine[key].properties_json)
            else bytes(16)
            for key, body in booked.items()
        }


def _after(before: Mapping[TotalKey, Total], added: Mapping[TotalKey, Total]) -> dict[TotalKey, Total]:
    return {key: before[key] + more if key in before else more for key, more in added.items()}


def _roll_back(connection: Connection[tuple[Any, ...]]) -> None:
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        connection.execute("ROLLBACK")


def _partition_arrays(partitions: Sequence[Partition]) -> tuple[BinaryArray, BinaryArray]:
    return text_array(topic for topic, _ in partitions), int4_array([number for _, number in partitions])


def _range_arrays(settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> tuple[BinaryArray, ...]:
    counts = settled.counts()
    spans = list(ranges.values())
    kinds = (Outcome.RATED, Outcome.DUPLICATE, Outcome.CONFLICT, Outcome.DEAD_LETTERED, Outcome.QUARANTINED)
    columns = [[counts[partition][kind] if partition in counts else 0 for partition in ranges] for kind in kinds]
    return (
        *_partition_arrays(list(ranges)),
        int8_array([span.first_offset for span in spans]),
        int8_array([span.next_offset for span in spans]),
        int4_array([span.records for span in spans]),
        *(int4_array(column) for column in columns),
    )
