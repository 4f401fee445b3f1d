"""What publishing costs: CPU microseconds an event of the publisher and of the engines that serve it.

`python -m tests.streams.publisher_cost` books a backlog into an installation of its own and lets a publisher send it, then
books 1,000 events a second in batches of ten beside a running publisher. Prints one JSON line.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from connectors.settings import PROJECT_ROOT
from domain.metering import Origin
from invoicing.records import Record
from tests.bench.load import open_accounts
from tests.installation import Installation, wait_until

BACKLOG_EVENTS = 50_000
BACKLOG_BATCH = 500
STEADY_SECONDS = 10
STEADY_BATCH = 10
STEADY_PER_SECOND = 1_000
ACCOUNTS = 200
ENGINES = {"postgres": "postgres", "java": "kafka", "clickhouse-serv": "clickhouse", "clickhouse-server": "clickhouse"}
_LEFT = "SELECT count(*) FROM batch WHERE announced_at IS NULL OR warehoused_at IS NULL"


def main() -> None:
    """Measure in an installation that is gone afterwards."""
    installation = Installation("pubcost", redis_db=8, worker_port=16160)
    os.environ.update(installation.variables())
    installation.create()
    try:
        open_accounts(installation, ACCOUNTS)
        print(json.dumps({"backlog": backlog(installation), "steady": steady(installation)}))
    finally:
        installation.drop()


def backlog(installation: Installation) -> dict[str, Any]:
    """A publisher that finds a backlog, less what starting one costs."""
    with publisher(installation) as idle:
        time.sleep(4)
        start_up = cpu_seconds(idle)
    book = booker()
    for start in range(0, BACKLOG_EVENTS, BACKLOG_BATCH):
        book(range(start, start + BACKLOG_BATCH))
    before = engines_cpu_seconds()
    started = time.monotonic()
    with publisher(installation) as process:
        wait_until(lambda: installation.query(_LEFT) == [(0,)], "the backlog is sent", seconds=120)
        seconds = time.monotonic() - started
        own = cpu_seconds(process) - start_up
    return figures(BACKLOG_EVENTS, seconds, own, before)


def steady(installation: Installation) -> dict[str, Any]:
    """A publisher beside a stream of small batches, start-up and waiting included in nothing."""
    book = booker()
    events = STEADY_SECONDS * STEADY_PER_SECOND
    with publisher(installation) as process:
        time.sleep(4)
        own_before, before = cpu_seconds(process), engines_cpu_seconds()
        started = time.monotonic()
        for start in range(0, events, STEADY_BATCH):
            first = 10_000_000 + start
            book(range(first, first + STEADY_BATCH))
            ahead = started + (start + STEADY_BATCH) / STEADY_PER_SECOND - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        wait_until(lambda: installation.query(_LEFT) == [(0,)], "the stream is sent", seconds=30, pause_seconds=0.5)
        seconds = time.monotonic() - started
        return figures(events, seconds, cpu_seconds(process) - own_before, before)


def booker() -> Callable[[range], None]:
    """Books events with these numbers."""
    from connectors import metering_wiring

    metering = metering_wiring.metering(metering_wiring.metering_store("cost"))

    def book(numbers: range) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        received_micros = int(now * 1_000_000)
        metering.meter([Record(Origin("cost", 0, n, received_micros), event(n, stamp)) for n in numbers])

    return book


def event(number: int, stamp: str) -> bytes:
    """An event like those of tests/bench/load.py."""
    channel = "sms" if number % 3 == 0 else "whatsapp"
    return (
        f'{{"specversion":"1.0","id":"cost-{number:09d}","source":"/otpless/core","type":"otp.delivered",'
        f'"subject":"load-{number % ACCOUNTS:05d}","time":"{stamp}",'
        f'"data":{{"channel":"{channel}","country":"IN","operator":"jio"}}}}'
    ).encode()


@contextmanager
def publisher(installation: Installation) -> Iterator[psutil.Process]:
    """A publisher of the installation, ended as its worker ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.publisher"],
        cwd=PROJECT_ROOT,
        env=installation.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.stdin.close()
        process.wait(40)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time so far."""
    times = process.cpu_times()
    return times.user + times.system


def engines_cpu_seconds() -> dict[str, float]:
    """The same of every engine on this machine. Whoever else uses them meanwhile is in it."""
    spent = dict.fromkeys(sorted(set(ENGINES.values())), 0.0)
    for process in psutil.process_iter(["name", "cpu_times"]):
        engine = ENGINES.get(process.info["name"])
        if engine and process.info["cpu_times"]:
            spent[engine] += process.info["cpu_times"].user + process.info["cpu_times"].system
    return spent


def figures(events: int, seconds: float, own_seconds: float, before: dict[str, float]) -> dict[str, Any]:
    """Microseconds of CPU an event; the engines' part of the steady stream holds the booking, too."""
    micros = {"publisher": own_seconds, **{name: spent - before[name] for name, spent in engines_cpu_seconds().items()}}
    return {
        "events": events,
        "seconds": round(seconds, 1),
        "cpu_micros_per_event": {name: round(spent * 1_000_000 / events, 1) for name, spent in micros.items()},
    }


if __name__ == "__main__":
    main()
