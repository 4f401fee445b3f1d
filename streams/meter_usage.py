"""The metering agent: take records, book them in one transaction, tell the balances, acknowledge.

`noack_take` and acknowledging after the commit, with one stream a worker: any other combination in Faust loses or repeats
records around errors and rebalances (docs/adr/0002).
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from connectors import clock
from connectors import metering_wiring as wiring
from connectors.settings import settings
from invoicing.meter_usage import Batch, Metered, MeterUsage
from streams import metrics
from streams.app import app, usage_events
from streams.balance_teller import BalanceTeller
from streams.booking_line import BookingLine
from streams.taking import end_process, portions, say_waiting

_log = logging.getLogger(__name__)
_FETCHES_MAX = 16
_RETELL_SECONDS = 2.0


class _Taken(NamedTuple):
    """A batch on its way: what is booked, and the fetches that are booked whole with it and acknowledged then."""

    fetches: Sequence[Any]
    batch: Batch


@app.agent(usage_events, concurrency=1)
async def meter_usage(stream: Any) -> AsyncIterator[None]:
    """Book usage events; while one batch is in its transaction, the next is read and decoded."""
    teller = BalanceTeller(wiring.balance_cache(), clock.monotonic_seconds, wiring.holds())

    async def acknowledge(taken: _Taken, _metered: Metered) -> None:
        for fetch in taken.fetches:
            await stream.ack(fetch)

    line: BookingLine[_Taken, Any] = BookingLine(done=acknowledge, waiting=say_waiting, failed=end_process)
    store = wiring.metering_store(f"{socket.gethostname()}-{os.getpid()}", server_works=line.go_on)
    metering = wiring.metering(store)

    def book(taken: _Taken) -> Metered:
        started = clock.monotonic_seconds()
        metered = metering.book(taken.batch)
        teller.tell(metered.balances, metered.rated)
        metrics.batch_done(metered, taken.batch.records, started_seconds=started)
        return metered

    await line.call(lambda: _begin(metering, teller))
    # What the cache missed is told again even when no batch comes any more.
    app.add_future(_tell_untold(line, teller))
    async for fetches in stream.noack_take(_FETCHES_MAX, within=settings().batch_wait_seconds):
        for portion in portions(fetches, events_max=settings().batch_events_max):
            await line.turn()
            batch = metering.prepare(portion.records)
            await line.put(_Taken(portion.ended, batch), book)
        yield


async def _tell_untold(line: BookingLine[_Taken, Any], teller: BalanceTeller) -> None:
    while not app.should_stop:
        await asyncio.sleep(_RETELL_SECONDS)
        if teller.untold:
            await line.call(teller.tell)


def _begin(metering: MeterUsage, teller: BalanceTeller) -> None:
    """Know what to rate with, and tell every balance: a worker before may have died between a commit and telling."""
    metering.prepare([])
    teller.tell(metering.store.all_balances())
