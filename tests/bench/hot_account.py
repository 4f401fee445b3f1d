"""A hot account: half of all events are one account's, from append to Redis; and sixteen writers that all debit one wallet.

The second part is what sixteen workers do to the database at the same time: each locks and debits the hot wallet with some
of its own, in one transaction that waits for the disk. What a batch holds makes no difference to it, because a wallet has
one entry a batch; so a worker that waits for the hot wallet books more events at once, and none is slower for it than the
wait. Beside it, the same with one writer, and with sixteen that share no wallet.
"""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg

from connectors.postgres import metering_sql
from connectors.postgres.binary import int8_array, register
from tests.bench import latency
from tests.bench.figures import Figure, at_most, observed
from tests.bench.load import PRICE_MICROS
from tests.bench.wallets import make_wallets, own_database

PER_SECOND = 5_000
EVENTS = 150_000
WRITERS = 16
SECONDS = 6.0
_OWN_WALLETS = 20
_HOT = 1


def measure(portion: float) -> list[Figure]:
    """The whole way, then the wallet alone."""
    whole_way = latency.measure_at(PER_SECOND, int(EVENTS * portion), name="hot_account_to_balance", hot_share=0.5)
    return whole_way + _contention(max(SECONDS * portion, 1.0))


def _contention(seconds: float) -> list[Figure]:
    with own_database() as (dsn, connection):
        make_wallets(connection, 1 + WRITERS * _OWN_WALLETS)
        alone = _write(dsn, seconds, writers=1, hot=True)
        apart = _write(dsn, seconds, writers=WRITERS, hot=False)
        together = _write(dsn, seconds, writers=WRITERS, hot=True)
        ((entries, balance_is_ledger),) = connection.execute(
            "SELECT count(*), bool_and(w.balance_micros = l.micros) FROM wallet_entry e JOIN wallet w USING (wallet_id)"
            " JOIN (SELECT wallet_id, sum(amount_micros) AS micros FROM wallet_entry GROUP BY 1) l USING (wallet_id)"
        ).fetchall()
    if not balance_is_ledger:
        raise AssertionError("a balance is not its ledger")
    what = (
        f"{WRITERS} connections, a commit debits the hot wallet and {_OWN_WALLETS} others; {entries:,} entries, no deadlock"
    )
    return [
        at_most(
            "hot_wallet_commit_p99",
            together[int(len(together) * 0.99)],
            "ms",
            100,
            compared_with="one writer, and as many apart",
            conditions=what,
        ),
        observed("hot_wallet_commits_per_second", len(together) / seconds, "commits/s", conditions=what),
        observed("hot_wallet_commits_per_second_alone", len(alone) / seconds, "commits/s", conditions="one connection"),
        observed(
            "hot_wallet_commits_per_second_apart", len(apart) / seconds, "commits/s", conditions=f"{WRITERS}, no hot wallet"
        ),
    ]


def _write(dsn: str, seconds: float, *, writers: int, hot: bool) -> list[float]:
    """Milliseconds of every commit, sorted. Whoever fails, a deadlock included, fails all."""
    millis: list[list[float]] = [[] for _ in range(writers)]
    failed: list[BaseException] = []
    until = time.monotonic() + seconds

    def work(number: int) -> None:
        first = 2 + number * _OWN_WALLETS
        ids = [*([_HOT] if hot else []), *range(first, first + _OWN_WALLETS)]
        try:
            with psycopg.connect(dsn, autocommit=True, prepare_threshold=0) as connection:
                register(connection)
                while time.monotonic() < until:
                    millis[number].append(_commit(connection, ids, f"{hot}{number}-{len(millis[number])}"))
        except psycopg.Error as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise AssertionError(f"a writer failed: {failed[0]}")
    return sorted(one for of_writer in millis for one in of_writer)


def _commit(connection: psycopg.Connection[tuple[object, ...]], ids: Sequence[int], reference: str) -> float:
    began = time.perf_counter()
    with connection.transaction():
        connection.execute(metering_sql.LOCK_WALLETS, (int8_array(ids),))
        debits = (int8_array(ids), int8_array([PRICE_MICROS] * len(ids)), reference, datetime.now(UTC))
        connection.execute(metering_sql.DEBIT, debits).fetchall()
    return (time.perf_counter() - began) * 1_000
