"""Health and metrics pages, and the watchdog: a Faust consumer can die silently, so standing still with lag is bad health.

`/health` answers 200 or 503 with the reason; after three times the stall limit the process ends itself to be started anew,
unless it says that it waits for a database, or Kafka does not answer: another worker could only wait too.
"""

import asyncio
import logging
import os
from typing import Any, Final

from faust.exceptions import ConsumerNotStarted
from faust.web import Request, Response, View
from prometheus_client import generate_latest

from connectors import clock
from connectors import metering_wiring as wiring
from connectors.settings import settings
from domain.errors import EngineUnavailable
from streams import metrics
from streams.app import app

_log = logging.getLogger(__name__)
_GIVE_UP_FACTOR: Final = 3
_EXPOSITION: Final = "text/plain"  # aiohttp refuses a content type with a charset in it


class Progress:
    """What the watchdog saw: whether records are booked while there is lag."""

    def __init__(self, now_seconds: float) -> None:
        self.booked_records = 0.0
        self.moved_at_seconds = now_seconds

    def look(self, *, booked_records: float, lag_records: int, now_seconds: float) -> float:
        """Seconds for which there has been lag and nothing was booked."""
        if booked_records != self.booked_records or lag_records == 0:
            self.booked_records = booked_records
            self.moved_at_seconds = now_seconds
        return now_seconds - self.moved_at_seconds


_progress: Final = Progress(clock.monotonic_seconds())
_signs_of_life: Final = Progress(clock.monotonic_seconds())


def _assigned() -> set[Any]:
    try:
        return set(app.consumer.assignment())
    except ConsumerNotStarted:
        return set()


def _lag_records() -> int:
    consumer = app.consumer
    lag = 0
    for partition in _assigned():
        end = consumer.highwater(partition)
        committed = consumer._committed_offset[partition]
        if end is not None and committed is not None:
            lag += max(0, end - committed)
    return lag


def _stalled_seconds() -> float:
    lag = _lag_records()
    metrics.lag_records.set(lag)
    return _progress.look(booked_records=_booked_records(), lag_records=lag, now_seconds=clock.monotonic_seconds())


def _silent_seconds() -> float:
    """Seconds with lag in which it neither booked anything nor said that it waits for a database."""
    signs = _booked_records() + metrics.waiting_for_engine._value.get()
    return _signs_of_life.look(booked_records=signs, lag_records=_lag_records(), now_seconds=clock.monotonic_seconds())


def _booked_records() -> float:
    return float(metrics.records._value.get() + metrics.redelivered._value.get())


@app.timer(interval=1.0)
async def watchdog() -> None:
    """End a worker that stands still with lag: the supervisor starts another."""
    await _look()


async def _look() -> None:
    limit = settings().stall_seconds
    stalled = _stalled_seconds()
    if stalled > limit:
        _log.error("nothing was booked for %.0f s although records wait", stalled)
    if _silent_seconds() > limit * _GIVE_UP_FACTOR and await _kafka_answers():
        os._exit(70)


async def _kafka_answers() -> bool:
    """Whether it is this worker that stands still, and not the broker that is away; asked once in so long a silence."""
    try:
        await asyncio.get_running_loop().run_in_executor(None, wiring.topic_admin().partitions)
    except EngineUnavailable as error:
        metrics.waiting_for_engine.inc()
        _log.warning("%s; nothing is lost, the worker waits for it", error)
        return False
    return True


@app.page("/health")
async def health(view: View, request: Request) -> Response:
    """200 while records move, 503 with the reason when they do not."""
    stalled = _stalled_seconds()
    partitions = sorted(f"{partition.topic}[{partition.partition}]" for partition in _assigned())
    healthy = stalled <= settings().stall_seconds
    facts: dict[str, Any] = {
        "healthy": healthy,
        "stalled_seconds": round(stalled, 1),
        "lag_records": _lag_records(),
        "partitions": partitions,
    }
    if not healthy:
        facts["reason"] = f"records wait and nothing was booked for {stalled:.0f} s: see the worker's log"
    return view.json(facts, status=200 if healthy else 503)


@app.page("/metrics")
async def show_metrics(view: View, request: Request) -> Response:
    """Prometheus metrics."""
    return view.bytes(generate_latest(), content_type=_EXPOSITION)
