"""The receiving agents: payment and config events are stored once, handed to their use case, and then acknowledged.

The rules are the metering agent's (streams/meter_usage.py): `noack_take`, one stream a worker, acknowledge after the commit.
"""

import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from prometheus_client import Counter

from connectors import clock
from connectors import receiving_wiring as wiring
from connectors.metering_wiring import balance_cache
from connectors.settings import settings
from domain.receiving import Family
from invoicing.receive_events import Receipt
from streams import metrics
from streams.app import app
from streams.balance_teller import BalanceTeller
from streams.booking_line import BookingLine
from streams.taking import end_process, records_of, say_waiting

_log = logging.getLogger(__name__)
# A fetch holds up to 500 records: a transaction stays small enough for its turn to be short.
_FETCHES_MAX: Final = 4
_received: Final = Counter(
    "billing_received_events_total", "Payment and config events by what became of them.", ["family", "outcome"]
)


def _topic(family: Family) -> Any:
    name = settings().kafka_topic_prefix + family.topic
    return app.topic(name, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)


@app.agent(_topic(Family.PAYMENT), concurrency=1)
async def receive_payments(stream: Any) -> AsyncIterator[None]:
    """Store payment events and hand them to their use case."""
    async for _ in _receive(Family.PAYMENT, stream):
        yield


@app.agent(_topic(Family.CONFIG), concurrency=1)
async def receive_config(stream: Any) -> AsyncIterator[None]:
    """Store config events and hand them to their use case."""
    async for _ in _receive(Family.CONFIG, stream):
        yield


async def _receive(family: Family, stream: Any) -> AsyncIterator[None]:
    receiving = wiring.receiving(family, wiring.receiving_store(family, f"{socket.gethostname()}-{os.getpid()}"))
    teller = BalanceTeller(balance_cache(), clock.monotonic_seconds)

    def receive(fetches: Sequence[Any]) -> Receipt:
        receipt = receiving.receive(records_of(fetches))
        # What dies between the commit and this is told by the next worker, which tells every balance.
        teller.tell(receipt.balances)
        return receipt

    async def acknowledge(fetches: Sequence[Any], receipt: Receipt) -> None:
        _count(family, receipt, records=sum(len(fetch.message.value.records) for fetch in fetches))
        for fetch in fetches:
            await stream.ack(fetch)

    line: BookingLine[Sequence[Any], Receipt] = BookingLine(done=acknowledge, waiting=say_waiting, failed=end_process)
    async for fetches in stream.noack_take(_FETCHES_MAX, within=settings().batch_wait_seconds):
        await line.put(fetches, receive)
        yield


def _count(family: Family, receipt: Receipt, *, records: int) -> None:
    for outcome, number in receipt.outcomes.items():
        _received.labels(family.value, outcome.value).inc(number)
    # The watchdog judges by these whether records move, whatever topic they are of.
    metrics.records.inc(records - receipt.redelivered_records)
    metrics.redelivered.inc(receipt.redelivered_records)
