"""Waiting until the worker has booked what was sent and its copies have caught up; it may be killed meanwhile."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from cli.demonstration.screen import Step
from connectors import batch_wiring, demonstration_wiring
from connectors.clock import monotonic_seconds
from connectors.settings import settings
from domain.errors import EngineUnavailable

_POLL_SECONDS: Final = 0.2
_WORTH_SAYING_SECONDS: Final = 20
_STALLS: Final = 5
"""A worker that stands still ends itself after three times the stall limit; after five nobody is at work."""
_CATCH_UP_SECONDS: Final = 90


def wait_until_booked(step: Step, *, beyond: Mapping[int, int] | None = None) -> int:
    """Wait until every record of the topic is booked. Returns the number of records booked since `beyond`.

    Raises EngineUnavailable when nothing has been booked for a long while although records wait.
    """
    standings, offsets = demonstration_wiring.standings(), demonstration_wiring.topic_offsets()
    topic = demonstration_wiring.usage_topic()
    spans = offsets.spans()
    start = beyond if beyond is not None else booked_offsets()
    total = sum(max(0, following - start.get(number, 0)) for number, (_, following) in spans.items())
    last, moved_at = -1, monotonic_seconds()
    while True:
        progress = standings.progress(topic)
        waiting = sum(
            max(0, following - max(first, progress.get(number, 0))) for number, (first, following) in spans.items()
        )
        step.at(total - waiting, total, "records")
        if not waiting:
            return total
        if waiting != last:
            last, moved_at = waiting, monotonic_seconds()
        _judge_stillness(step, waiting=waiting, still_seconds=monotonic_seconds() - moved_at)
        time.sleep(_POLL_SECONDS)


def booked_offsets() -> dict[int, int]:
    """How far each partition is booked now."""
    spans = demonstration_wiring.topic_offsets().spans()
    progress = demonstration_wiring.standings().progress(demonstration_wiring.usage_topic())
    return {number: max(first, progress.get(number, 0)) for number, (first, _) in spans.items()}


def _judge_stillness(step: Step, *, waiting: int, still_seconds: float) -> None:
    chosen = settings()
    page = f"http://{chosen.worker_host}:{chosen.worker_port}/health"
    if still_seconds > _STALLS * chosen.stall_seconds:
        raise EngineUnavailable(
            f"the metering worker has booked nothing for {still_seconds:.0f} s and {waiting:,} records wait: "
            f"see `make status`, `make logs s=worker` and {page}"
        )
    if still_seconds > _WORTH_SAYING_SECONDS:
        step.note(f"nothing booked for {_WORTH_SAYING_SECONDS} s and records wait: a killed worker is replaced by itself")


def wait_until_copied(step: Step) -> bool:
    """Wait, for a while, until ClickHouse and Redis have what PostgreSQL has. False when they have not by then."""
    standings, books, cache = demonstration_wiring.standings(), batch_wiring.books(), batch_wiring.balances()

    def warehoused() -> bool:
        waiting = standings.batches_to_warehouse()
        step.doing(f"{waiting} batches on their way to ClickHouse")
        return waiting == 0

    def told() -> bool:
        step.doing("balances on their way to Redis")
        booked = books.balances()
        return cache.read(sorted(booked)) == booked

    deadline = monotonic_seconds() + _CATCH_UP_SECONDS
    return _until(warehoused, deadline) and _until(told, deadline)


def _until(happened: Callable[[], bool], deadline: float) -> bool:
    while not happened():
        if monotonic_seconds() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
