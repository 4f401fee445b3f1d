"""The metering agent: take records, book them in one transaction, tell the balances, acknowledge.

`noack_take` and acknowledging after the commit, with one stream a worker: any other combination in Faust loses or repeats
records around errors and rebalances (docs/adr/0002).
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from connectors import clock
from connectors import metering_wiring as wiring
from connectors.settings import settings
from domain.errors import EngineUnavailable
from domain.metering import Origin
from invoicing.records import Record
from streams import metrics
from streams.app import app, usage_events
from streams.balance_teller import BalanceTeller

_log = logging.getLogger(__name__)
_PAUSE_FIRST_SECONDS = 0.2
_PAUSE_LONGEST_SECONDS = 10.0
_FETCHES_MAX = 128

Answer = TypeVar("Answer")


@app.agent(usage_events, concurrency=1)
async def meter_usage(stream: Any) -> AsyncIterator[None]:
    """Book usage events."""
    store = wiring.metering_store(f"{socket.gethostname()}-{os.getpid()}")
    metering = wiring.metering(store)
    teller = BalanceTeller(wiring.balance_cache(), clock.monotonic_seconds)
    await teller.tell(await _patiently(store.all_balances))
    async for fetches in stream.noack_take(_FETCHES_MAX, within=settings().batch_wait_seconds):
        for group in _groups(fetches, records_max=settings().batch_records_max):
            records = [_record(raw) for fetch in group for raw in fetch.message.value]
            started = clock.monotonic_seconds()
            metered = await _patiently(partial(metering.meter, records))
            await teller.tell(metered.balances)
            metrics.batch_done(
                metered, records, seconds=clock.monotonic_seconds() - started, now_micros=clock.epoch_micros()
            )
            for fetch in group:
                await stream.ack(fetch)
        yield


async def _patiently(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Call until the database answers: waiting longer each time, and saying so."""
    pause_seconds = _PAUSE_FIRST_SECONDS
    while True:
        try:
            return await call()
        except EngineUnavailable as error:
            metrics.waiting_for_engine.inc()
            _log.warning("%s; nothing is lost, trying again in %.1f s", error, pause_seconds)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _PAUSE_LONGEST_SECONDS)


def _groups(fetches: Iterable[Any], *, records_max: int) -> Iterator[list[Any]]:
    """Consecutive fetches that fit one transaction; a single fetch is never split, it is small enough by itself."""
    group: list[Any] = []
    size = 0
    for fetch in fetches:
        length = len(fetch.message.value)
        if group and size + length > records_max:
            yield group
            group, size = [], 0
        group.append(fetch)
        size += length
    if group:
        yield group


def _record(raw: Any) -> Record:
    # aiokafka gives the append time in milliseconds; a tombstone's value is None and is refused like any other non-event.
    return Record(Origin(raw.topic, raw.partition, raw.offset, raw.timestamp * 1000), raw.value or b"")
