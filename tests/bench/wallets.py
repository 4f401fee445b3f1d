"""Wallets: ledger writes a second with their lots, a cache rebuilt from the books, from a crossing to the status told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg import sql

from connectors import clock
from connectors.postgres import metering_sql
from connectors.postgres.binary import int8_array, register
from connectors.postgres.metering import PostgresMeteringStore
from connectors.postgres.migrations import Migrations
from connectors.redis.balances import RedisBalances
from connectors.settings import PROJECT_ROOT, settings
from invoicing.administer import Author, top_up
from invoicing.refill_balances import refill_balances
from tests.bench.figures import Figure, at_least, at_most, known, observed
from tests.bench.load import PRICE_MICROS, Load, open_accounts
from tests.installation import Installation, wait_until

WALLETS = 100_000
BATCH = 500
SECONDS = 8
CROSSING_ACCOUNTS = 200
CROSSING_EVENTS = 30_000
_DATABASE = "billing_bench_wallets"
_UNSENT = "SELECT count(*) FROM outbox_message WHERE sent_at IS NULL"


def measure(portion: float) -> list[Figure]:
    """Ledger, rebuild and crossings."""
    with own_database() as (dsn, connection):
        make_wallets(connection, int(WALLETS * portion))
        figures = [*_ledger(dsn, connection, SECONDS * portion), *_rebuild(dsn, int(WALLETS * portion))]
    return figures + _crossings(max(int(CROSSING_EVENTS * portion), 2_000))


def _ledger(dsn: str, connection: psycopg.Connection[Any], seconds: float) -> list[Figure]:
    batched = _batched(connection, seconds)
    single = _single(connection, seconds)
    ((fast, walked),) = connection.execute(
        "SELECT count(lot_id), (SELECT count(*) FROM lot_burn) FROM wallet_entry"
    ).fetchall()
    what = (
        f"distinct wallets, {BATCH} a commit, each with entry, version, balance after, lot used and counter side; "
        f"{fast:,} used the lot in use, {walked:,} went through several"
    )
    return [
        at_least(
            "ledger_entries_per_second", batched, "entries/s", 5_000, compared_with="one entry a commit", conditions=what
        ),
        observed("ledger_entries_per_second_single", single, "entries/s", conditions="one entry a commit, the same rows"),
        known(
            "ledger_peer_formance",
            200,
            "transactions/s",
            conditions="Formance ledger 2.4 on such a box; 87 on a hot account",
        ),
    ]


def _batched(connection: psycopg.Connection[Any], seconds: float) -> float:
    ((wallets,),) = connection.execute("SELECT count(*) FROM wallet").fetchall()
    written, first, spent = 0, 1, 0.0
    while spent < seconds:
        ids = list(range(first, first + BATCH))
        first = first + BATCH if first + 2 * BATCH <= wallets else 1
        arguments = (int8_array(ids), int8_array([PRICE_MICROS] * BATCH), f"b{written}", datetime.now(UTC))
        began = time.perf_counter()
        connection.execute(metering_sql.DEBIT, arguments).fetchall()
        spent += time.perf_counter() - began
        written += BATCH
    return written / spent


def _single(connection: psycopg.Connection[Any], seconds: float) -> float:
    written, spent = 0, 0.0
    while spent < seconds / 4:
        began = time.perf_counter()
        connection.execute(
            "SELECT move_wallet(%s, %s, 'fee', %s, now())", (written % 1_000 + 1, -PRICE_MICROS, f"s{written}")
        )
        spent += time.perf_counter() - began
        written += 1
    return written / spent


def _rebuild(dsn: str, wallets: int) -> list[Figure]:
    store = PostgresMeteringStore(dsn, worker="bench", clock=clock.now)
    cache = RedisBalances(host=settings().redis_host, port=settings().redis_port, database=14)
    cache._client.flushdb()
    began = time.perf_counter()
    told = refill_balances(store, cache, always=True)
    spent = time.perf_counter() - began
    bare = _bare_hashes(cache._client, wallets)
    store.close()
    cache.close()
    if told != wallets:
        raise AssertionError(f"told {told} of {wallets} wallets")
    what = f"{wallets:,} wallets with their standings"
    return [
        at_most("redis_rebuild_seconds", spent, "s", 10, compared_with="redis_bare_hashes_seconds", conditions=what),
        observed("redis_bare_hashes_seconds", bare, "s", conditions=f"HSET of {wallets:,} such hashes, pipelined, no books"),
    ]


def _bare_hashes(client: Any, wallets: int) -> float:
    """Seconds that writing as many hashes takes without reading or comparing anything."""
    client.flushdb()
    fields = {
        "balance_micros": "902000000",
        "version": "2",
        "status": "active",
        "floor_micros": "0",
        "standing_version": "0",
    }
    began = time.perf_counter()
    for start in range(0, wallets, 2_000):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, min(start + 2_000, wallets)):
            pipeline.hset(f"balance:{number}", mapping=fields)
        pipeline.execute()
    spent = time.perf_counter() - began
    client.flushdb()
    return spent


def _crossings(events: int) -> list[Figure]:
    """Every prepaid account runs out of credit once, at its own time; then its status is told."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    installation.create()
    open_accounts(installation, CROSSING_ACCOUNTS)
    store, author = installation.administration(), Author("bench", clock.now())
    each = events // CROSSING_ACCOUNTS
    for number in range(1, CROSSING_ACCOUNTS, 2):
        amount = Decimal(PRICE_MICROS * max(each * (number + 60) // (CROSSING_ACCOUNTS + 80), 1)).scaleb(-6)
        top_up(store, account_code=f"A{number:05d}", amount=amount, reference="bench", author=author)
    with installation.worker() as worker:
        wait_until(lambda: installation.query("SELECT count(*) FROM wallet_look") == [(0,)], "the first looks are over")
        wait_until(lambda: installation.query(_UNSENT) == [(0,)], "they are told, and the watcher is in charge of telling")
        Load(installation, accounts=CROSSING_ACCOUNTS).send(events, per_second=1_000)
        wait_until(lambda: worker.metric("billing_records_total") >= events, "everything is booked")
        wait_until(lambda: installation.query("SELECT count(*) FROM wallet_look") == [(0,)], "the last looks are over")
        wait_until(lambda: installation.query(_UNSENT) == [(0,)], "all is told")
    crossed = installation.query("""
SELECT a.code, (SELECT min(extract(epoch FROM e.booked_at) * 1000)::float8 FROM wallet_entry e
                WHERE e.wallet_id = w.wallet_id AND e.balance_after_micros <= 0)
FROM wallet w JOIN account a USING (account_id) JOIN standing_change h USING (account_id) WHERE h.state = 'grace'
""")
    told, bare = _told(installation, "grace"), _bare_send(installation)
    found = sorted(told[code] - at for code, at in crossed)
    installation.drop()
    what = (
        f"{len(found)} crossings into grace, 1,000 ev/s, {CROSSING_ACCOUNTS} accounts; from the start of the transaction "
        "that crossed to the broker's append of the record"
    )
    return [
        at_most(
            "crossing_to_status_p99",
            found[int(len(found) * 0.99)],
            "ms",
            150,
            compared_with="kafka_bare_send_p99",
            conditions=what,
        ),
        observed("kafka_bare_send_p99", bare, "ms", conditions="a record acknowledged, one after the other, 300 times"),
        observed("crossing_to_status_p50", found[len(found) // 2], "ms", conditions=what),
    ]


def _bare_send(installation: Installation) -> float:
    """Milliseconds from a record's handing over to its acknowledgement, at the 99th percentile."""
    sender = Producer(
        {"bootstrap.servers": installation.settings.kafka_bootstrap, "enable.idempotence": True, "linger.ms": 0}
    )
    millis = []
    for number in range(330):
        began = time.perf_counter()
        sender.produce(installation.topic("account.status"), value=b"{}", key=b"bare")
        sender.flush()
        if number >= 30:  # the first ones find the broker
            millis.append((time.perf_counter() - began) * 1_000)
    return sorted(millis)[int(len(millis) * 0.99)]


def _told(installation: Installation, status: str) -> dict[str, float]:
    """When each account's status was appended, in milliseconds."""
    topic = installation.topic("account.status")
    consumer = Consumer(
        {
            "bootstrap.servers": installation.settings.kafka_bootstrap,
            "group.id": "bench-status",
            "enable.partition.eof": True,
        }
    )
    partitions = [TopicPartition(topic, number, 0) for number in consumer.list_topics(topic).topics[topic].partitions]
    consumer.assign(partitions)
    told: dict[str, float] = {}
    left = len(partitions)
    while left and (messages := consumer.consume(1_000, timeout=30)):
        for message in messages:
            if message.error() is not None:
                left -= 1  # read to its end
            elif f'"status": "{status}"'.encode() in message.value():
                told.setdefault(message.key().decode(), message.timestamp()[1])
    consumer.close()
    return told


def make_wallets(connection: psycopg.Connection[Any], wallets: int) -> None:
    """Wallets from 1 on, each with two lots, that no debit asks a look for."""
    connection.execute(
        "INSERT INTO customer (code, legal_name, email, address_lines, country, tax_category, created_at)"
        " VALUES ('c', 'c', 'c@example.com', '{1 Road}', 'US', 'overseas', now())"
    )
    connection.execute(
        "INSERT INTO account (code, customer_id, mode, currency, time_zone, created_at)"
        " SELECT 'a' || n, 1, 'prepaid', 'USD', 'UTC', now() FROM generate_series(1, %s) n",
        (wallets,),
    )
    connection.execute("INSERT INTO wallet (account_id, currency) SELECT account_id, 'USD' FROM account ORDER BY 1")
    connection.execute("SELECT move_wallet(wallet_id, 2000000, 'top_up', 'first', now()) FROM wallet")
    connection.execute("SELECT move_wallet(wallet_id, 900000000, 'top_up', 'second', now()) FROM wallet")
    connection.execute("UPDATE wallet SET look_below_micros = 0")
    connection.execute("VACUUM (ANALYZE)")


@contextmanager
def own_database() -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """The project's schema in a database of its own."""
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
                yield dsn, connection
        finally:
            administrator.execute(drop)
