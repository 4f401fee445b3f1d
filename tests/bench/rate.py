"""The sustained rate of workers on a backlog that outlasts the measurement, with what it costs each process."""

import time
from dataclasses import dataclass

import psycopg

from tests.bench.load import Load
from tests.bench.processes import Meter, Usage
from tests.installation import Installation, Worker, wait_until

WARM_UP_EVENTS = 20_000
_PARTITIONS = 8
_OURS = "streams.app"
"""The worker with a process beside it that looks at wallets."""
_START_SECONDS = 20

_BOOKED = "SELECT coalesce(sum(rated), 0)::bigint FROM batch"
# The first debit of each wallet asks for a look at it, once: thousands of them at the beginning, none further on.
_LOOKS = "SELECT count(*) FROM wallet_look"
_BEHIND = """
SELECT coalesce(sum(rated) FILTER (WHERE announced_at IS NULL), 0)::bigint,
       coalesce(sum(rated) FILTER (WHERE warehoused_at IS NULL), 0)::bigint FROM batch
"""


@dataclass(frozen=True)
class Rate:
    """Events booked in an interval, what it cost, and how far the publisher was behind at its end."""

    events: int
    usage: Usage
    not_announced: int
    not_in_warehouse: int

    @property
    def per_second(self) -> float:
        """Events a second."""
        return self.events / self.usage.seconds


def sustained_rate(
    installation: Installation,
    load: Load,
    *,
    seconds: float,
    fastest: float,
    workers: int = 1,
    app: str = _OURS,
) -> Rate:
    """Produce a backlog that lasts at `fastest` events a second, start the workers, and count what they book in `seconds`.

    Raises AssertionError when they were faster than that, or when the books do not balance after it.
    """
    backlog = int((seconds + _START_SECONDS * workers) * fastest)
    load.send(backlog)
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as connection:
        running = [installation.start_worker(app=app, port=installation.worker_port + 2 * n) for n in range(workers)]
        try:
            _wait_until_warm(connection, running, watched=app == _OURS)
            rate = _measure(connection, running, seconds)
            if _booked(connection) >= backlog:
                raise AssertionError(f"the backlog of {backlog} events ran out before {seconds} s: give a larger one")
        finally:
            for worker in running:
                worker.stop()
    _check_books(installation)
    return rate


def _wait_until_warm(connection: psycopg.Connection, workers: list[Worker], *, watched: bool) -> None:
    for worker in workers:
        worker.wait_until_ready()
    fewest = _PARTITIONS // len(workers)
    wait_until(
        lambda: all(len(worker.health().get("partitions", ())) >= fewest for worker in workers), "partitions are shared out"
    )
    start = _booked(connection)
    wait_until(lambda: _booked(connection) > start + WARM_UP_EVENTS, "the workers are warm", seconds=120)
    if watched:
        wait_until(lambda: connection.execute(_LOOKS).fetchall() == [(0,)], "every wallet was looked at", seconds=120)


def _measure(connection: psycopg.Connection, workers: list[Worker], seconds: float) -> Rate:
    meter, before = Meter(workers), _booked(connection)
    time.sleep(seconds)
    events, usage = _booked(connection) - before, meter.usage()
    ((not_announced, not_in_warehouse),) = connection.execute(_BEHIND).fetchall()
    return Rate(events, usage, not_announced, not_in_warehouse)


def _check_books(installation: Installation) -> None:
    outcomes, failing = installation.outcomes(), installation.failing_checks()
    if failing or outcomes["rated"] != outcomes["received"]:
        raise AssertionError(f"the books do not balance after the load: {outcomes} {failing}")


def _booked(connection: psycopg.Connection) -> int:
    ((events,),) = connection.execute(_BOOKED).fetchall()
    return int(events)
