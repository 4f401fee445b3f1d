"""The store of 24-hour identities when it is empty and when it is full, for random and for time-ordered ids.

The real table, in a database of its own that is dropped afterwards. It is filled by the server with keys that are spread
like those of `domain.usage.event_key`; the keys of the measured claims are made by it, from ids like the producers'.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from connectors.postgres import metering_sql
from connectors.postgres.binary import register, timestamp_array, uuid_array
from connectors.postgres.migrations import Migrations
from connectors.settings import PROJECT_ROOT, settings
from domain.usage import event_key
from tests.bench.event_ids import EVENTS_PER_SECOND, random_ids, time_ordered_ids
from tests.bench.figures import Figure, at_least, observed

ROWS = 50_000_000
SECONDS = 30
BATCH = 2_000
_BATCHES_PREPARED = 20
_DATABASE = "billing_bench_keys"
_DAY_SECONDS = 86_400
# Leaves as full as insertion in no order leaves them; an index is built fuller than that.
_FILL_FACTOR = 70
_PRIMARY_KEY = f"ALTER TABLE event_key ADD PRIMARY KEY (event_key) WITH (fillfactor = {_FILL_FACTOR})"
# Spread over the last day. In time-ordered ids, those of 65,536 ms begin alike (a UUIDv7's first 8 characters).
_FILL = """
INSERT INTO event_key (event_key, body_digest, claimed_at)
SELECT ({key})::uuid, md5('b' || n)::uuid, now() - make_interval(secs => {day} * (1 - n / {rows}::float8))
FROM generate_series(1, {rows}) AS n
"""
_RANDOM_KEY = "md5(n::text)"
_CLUSTERED_KEY = "left(md5('t' || n / 65536), 8) || right(md5(n::text), 24)"


@dataclass(frozen=True)
class _Kind:
    """One manner of making ids, and how the server imitates their keys."""

    name: str
    words: str
    ids: Callable[[], Iterator[str]]
    filled_with: str


_KINDS = (
    _Kind("random", "random ids (UUIDv4)", random_ids, _RANDOM_KEY),
    _Kind(
        "time_ordered",
        f"time-ordered ids (UUIDv7, made at {EVENTS_PER_SECOND} ev/s)",
        time_ordered_ids,
        _CLUSTERED_KEY,
    ),
)


def measure(portion: float) -> list[Figure]:
    """Size of the full table, and rates of claiming at empty and at full."""
    rows, seconds = int(ROWS * portion), SECONDS * max(portion, 0.1)
    return [figure for kind in _KINDS for figure in _measure(kind, rows, seconds)]


def _measure(kind: _Kind, rows: int, seconds: float) -> list[Figure]:
    with _database() as connection:
        empty, _ = _claim_rate(connection, kind, seconds / 3)
        _fill(connection, kind, rows)
        ((table, index),) = connection.execute("SELECT pg_table_size('event_key'), pg_indexes_size('event_key')").fetchall()
        first, first_wal = _claim_rate(connection, kind, seconds)
        full, wal = _claim_rate(connection, kind, seconds)
    what = (
        f"{kind.words}; claims in batches of {BATCH}, a commit each, over {seconds:.0f} s spent in transactions, a third of "
        "that from empty; full is measured after as long a stretch right after a checkpoint, when the first write to each "
        f"page goes whole into the log; full is {rows:,} keys, inserted by the server in the order of time, index built "
        f"afterwards with leaves {_FILL_FACTOR} % full"
    )
    prefix = f"keys_{kind.name}"
    return [
        observed(f"{prefix}_claims_per_second_empty", empty, "keys/s", conditions=what),
        observed(f"{prefix}_claims_per_second_full_after_checkpoint", first, "keys/s", conditions=what),
        observed(f"{prefix}_claims_per_second_full", full, "keys/s", conditions=what),
        at_least(f"{prefix}_full_over_empty", full / empty, "times", 0.7, conditions=what),
        observed(f"{prefix}_wal_bytes_per_key_after_checkpoint", first_wal, "bytes", conditions=what),
        observed(f"{prefix}_wal_bytes_per_key_full", wal, "bytes", conditions=what),
        observed(f"{prefix}_table_megabytes", table / 1e6, "MB", conditions=what),
        observed(f"{prefix}_index_megabytes", index / 1e6, "MB", conditions=what),
    ]


@contextmanager
def _database() -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The project's schema in a database of its own, and a connection to it."""
    server, name = settings().postgres_dsn.rsplit("/", 1)[0], sql.Identifier(_DATABASE)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as administrator:
        administrator.execute(drop)
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            dsn = f"{server}/{_DATABASE}"
            Migrations(PROJECT_ROOT / "sql" / "postgres", dsn).apply()
            with psycopg.connect(dsn, autocommit=True, prepare_threshold=0) as connection:
                register(connection)
                yield connection
        finally:
            administrator.execute(drop)


def _fill(connection: psycopg.Connection[tuple[Any, ...]], kind: _Kind, rows: int) -> None:
    connection.execute("TRUNCATE event_key")
    connection.execute("ALTER TABLE event_key DROP CONSTRAINT event_key_pkey")
    connection.execute(_FILL.format(key=kind.filled_with, day=_DAY_SECONDS, rows=rows))  # type: ignore[arg-type]
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute(_PRIMARY_KEY)
    connection.execute("VACUUM (ANALYZE) event_key")
    connection.execute("CHECKPOINT")


def _claim_rate(connection: psycopg.Connection[tuple[Any, ...]], kind: _Kind, seconds: float) -> tuple[float, float]:
    """Keys claimed a second, and WAL bytes a key; ids and keys are made between the transactions and not counted."""
    ids, claimed, spent, wal = kind.ids(), 0, 0.0, _wal_position(connection)
    digests = uuid_array([b"digest of a body"] * BATCH)
    while spent < seconds:
        batches = [
            uuid_array([event_key("/otpless/core", next(ids)) for _ in range(BATCH)]) for _ in range(_BATCHES_PREPARED)
        ]
        times = timestamp_array([time.time_ns() // 1000] * BATCH)
        began = time.perf_counter()
        for keys in batches:
            claimed += _claim(connection, {"keys": keys, "digests": digests, "received_at": times})
        spent += time.perf_counter() - began
    return claimed / spent, (_wal_position(connection) - wal) / claimed


def _claim(connection: psycopg.Connection[tuple[Any, ...]], claims: Mapping[str, bytes]) -> int:
    with connection.pipeline():
        connection.execute("BEGIN")
        claimed = connection.execute(metering_sql.CLAIM_ALL, claims)
        connection.execute("COMMIT")
    if claimed.rowcount != BATCH:
        raise AssertionError("an id was made twice")
    return BATCH


def _wal_position(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    ((position,),) = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchall()
    return int(position)
