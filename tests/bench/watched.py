"""What work takes: seconds on the wall, CPU and peak memory of this process, and what PostgreSQL spilled to disk."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Generic, TypeVar

import psutil
import psycopg

_BYTES_IN_MEGABYTE = 1e6
_EVERY_SECONDS = 0.05
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Took(Generic[_Result]):
    """What it came to, and what it took."""

    result: _Result
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Resident memory of this process at its highest, what it had before left out."""
    spilled_mb: float
    """Temporary files of PostgreSQL."""


def watched(work: Callable[[], _Result], *, dsn: str) -> Took[_Result]:
    """Do it, and watch this process and a database meanwhile."""
    process, done = psutil.Process(), Event()
    before, spilled = process.memory_info().rss, _spilled(dsn)
    peak = [before]

    def look() -> None:
        while not done.wait(_EVERY_SECONDS):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = Thread(target=look)
    watcher.start()
    started, used = time.perf_counter(), os.times()
    try:
        result = work()
    finally:
        seconds, now = time.perf_counter() - started, os.times()
        done.set()
        watcher.join()
    return Took(
        result,
        seconds,
        now.user + now.system - used.user - used.system,
        (peak[0] - before) / _BYTES_IN_MEGABYTE,
        (_spilled(dsn) - spilled) / _BYTES_IN_MEGABYTE,
    )


def _spilled(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute("SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()").fetchone()
    return 0 if found is None else int(found[0])
