"""Publishing what is booked: one loop a destination, beside the metering agent and never in its way."""

import asyncio
import logging
from collections.abc import Callable

from connectors import metering_wiring as wiring
from domain.errors import EngineUnavailable
from invoicing.publish_usage import Outbox, announce_next, warehouse_next
from streams import metrics
from streams.app import app

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 0.5
_PAUSE_LONGEST_SECONDS = 30.0
_EVENTS_MAX = 5_000


@app.task
async def announce() -> None:
    """Send rated usage, dead letters and conflicts to their topics."""
    outbox = wiring.outbox()
    announcer = wiring.announcer()

    def send(*, certain: bool) -> int | None:
        return announce_next(outbox, announcer, events_max=_EVENTS_MAX)

    await _forever("topics", outbox, send)


@app.task
async def warehouse() -> None:
    """Add rated usage to ClickHouse."""
    outbox = wiring.outbox()
    store = wiring.warehouse()

    def send(*, certain: bool) -> int | None:
        return warehouse_next(outbox, store, events_max=_EVENTS_MAX, certain=certain)

    await _forever("clickhouse", outbox, send)


async def _forever(destination: str, outbox: Outbox, send: Callable[..., int | None]) -> None:
    """Send while there is something, wait while there is not; after a failure wait longer each time and say so."""
    pause_seconds = _IDLE_SECONDS
    while not app.should_stop:
        try:
            await asyncio.to_thread(_while_any, destination, outbox, send)
            pause_seconds = _IDLE_SECONDS
        except EngineUnavailable as error:
            pause_seconds = min(pause_seconds * 2, _PAUSE_LONGEST_SECONDS)
            _log.warning("%s; sending to %s goes on in %.0f s, nothing is lost", error, destination, pause_seconds)
        await asyncio.sleep(pause_seconds)


def _while_any(destination: str, outbox: Outbox, send: Callable[..., int | None]) -> None:
    with outbox.hold(f"publish to {destination}") as held:
        certain = False
        while held and not app.should_stop:
            sent = send(certain=certain)
            if sent is None:
                return
            certain = True
            metrics.published.labels(destination).inc(sent)
