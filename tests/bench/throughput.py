"""Sustained rate of one worker on single-event records, beside stock Faust and a bare COPY of the same rows."""

import time
from collections.abc import Callable

import psycopg

from connectors.postgres.binary import COPY_HEADER, COPY_TRAILER
from tests.bench.figures import Figure, at_least, observed
from tests.bench.load import Load, open_accounts
from tests.installation import Installation, Worker, wait_until

ACCOUNTS = 5_000
SECONDS = 30
WARM_UP_EVENTS = 20_000


def measure() -> list[Figure]:
    """The worker, its peer and its limit, one after the other on the same engines."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    installation.create()
    open_accounts(installation, ACCOUNTS)
    load = Load(installation, accounts=ACCOUNTS)
    ours, processes = _rate(installation, load, app="streams.app", backlog=1_200_000)
    outcomes = installation.outcomes()
    failing = installation.failing_checks()
    if failing or outcomes["rated"] != outcomes["received"]:
        raise AssertionError(f"the books do not balance after the load: {outcomes} {failing}")
    limit = _copy_rate(installation)
    stock, _ = _rate(installation, load, app="tests.bench.stock_worker", backlog=250_000)
    installation.drop()
    what = f"{ACCOUNTS} accounts, 8 partitions, 200-byte records, fsync on, every engine on the box, over {SECONDS} s"
    return [
        at_least("events_per_second", ours, "ev/s", 10_000, compared_with="stock_faust, copy_limit", conditions=what),
        observed(
            "stock_faust_events_per_second", stock, "ev/s", compared_with="the same path on stock Faust", conditions=what
        ),
        observed(
            "copy_limit_rows_per_second", limit, "rows/s", compared_with="COPY of the same rows, no index", conditions=what
        ),
        observed("events_per_second_over_stock_faust", ours / stock, "times", compared_with="stock_faust"),
        observed("events_per_second_over_copy_limit", ours / limit, "times", compared_with="copy_limit"),
        observed("worker_cpu_per_event", processes, "µs", compared_with="one core is 1,000,000 µs/s", conditions=what),
    ]


def _rate(installation: Installation, load: Load, *, app: str, backlog: int) -> tuple[float, float]:
    """Events booked a second over SECONDS, from a backlog that outlasts them; and worker CPU µs an event."""
    import psutil

    load.send(backlog)
    with installation.worker(app=app) as worker:
        booked = _booked(installation)
        start = booked()
        wait_until(lambda: booked() > start + WARM_UP_EVENTS, "the worker is warm", seconds=120)
        process = psutil.Process(worker.process.pid)
        before, began, cpu = booked(), time.monotonic(), sum(process.cpu_times()[:2])
        time.sleep(SECONDS)
        after, ended, cpu_after = booked(), time.monotonic(), sum(process.cpu_times()[:2])
        if after - start >= backlog:
            raise AssertionError(f"the backlog of {backlog} ran out before {SECONDS} s: give a larger one")
        _drain(installation, worker)
    return (after - before) / (ended - began), (cpu_after - cpu) / (after - before) * 1e6


def _booked(installation: Installation) -> Callable[[], int]:
    connection = psycopg.connect(installation.settings.postgres_dsn, autocommit=True)
    return lambda: connection.execute("SELECT coalesce(sum(rated), 0)::bigint FROM batch").fetchall()[0][0]


def _drain(installation: Installation, worker: Worker) -> None:
    wait_until(lambda: worker.health().get("lag_records") == 0, "the backlog is booked", seconds=600)


def _copy_rate(installation: Installation) -> float:
    """Rows a second of COPY in batches of 4,000 with a commit each: the same rows into a table without any index."""
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (LIKE usage_event)")
        with connection.cursor().copy("COPY (SELECT * FROM usage_event LIMIT 4000) TO STDOUT (FORMAT binary)") as copy:
            body = b"".join(bytes(part) for part in copy)
        if not body.startswith(COPY_HEADER[:11]) or not body.endswith(COPY_TRAILER):
            raise AssertionError("that is not a COPY stream")
        rows, began = 0, time.monotonic()
        while time.monotonic() - began < SECONDS:
            with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT binary)") as copy:
                copy.write(body)
            rows += 4000
            if rows % 2_000_000 == 0:
                connection.execute("TRUNCATE bare")
        rate = rows / (time.monotonic() - began)
        connection.execute("DROP TABLE bare")
    return rate
