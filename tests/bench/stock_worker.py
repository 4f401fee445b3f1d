"""The peer: the same metering path on stock Faust, one message an event. Only for the measurements."""

import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import faust

from connectors import clock, metering_wiring
from connectors.settings import PROJECT_ROOT, settings
from domain.metering import Origin
from invoicing.records import Record
from streams.balance_teller import BalanceTeller

chosen = settings()
(PROJECT_ROOT / ".local" / "faust").mkdir(parents=True, exist_ok=True)
app = faust.App(
    f"{chosen.kafka_topic_prefix}metering",
    broker=f"kafka://{chosen.kafka_bootstrap}",
    datadir=PROJECT_ROOT / ".local" / "faust" / "stock",
    value_serializer="raw",
    key_serializer="raw",
    agent_supervisor="mode.CrashingSupervisor",
    topic_disable_leader=True,
    topic_allow_declare=False,
    web_port=chosen.worker_port,
    broker_commit_interval=0.5,
    broker_max_poll_records=2000,
    stream_buffer_maxsize=16_384,
    cython_optimizations=True,
)
topic = app.topic(chosen.kafka_topic_prefix + "usage.events", key_type=bytes, value_type=bytes)


@app.agent(topic, concurrency=1)
async def meter(stream: Any) -> AsyncIterator[None]:
    """Book usage events, message by message out of Faust."""
    metering = metering_wiring.metering(metering_wiring.metering_store(f"{socket.gethostname()}-{os.getpid()}"))
    teller = BalanceTeller(metering_wiring.balance_cache(), clock.monotonic_seconds)
    async for events in stream.noack_take(4000, within=0.02):
        records = [
            Record(
                Origin(
                    event.message.topic, event.message.partition, event.message.offset, int(event.message.timestamp * 1e6)
                ),
                event.message.value,
            )
            for event in events
        ]
        metered = metering.meter(records)
        teller.tell(metered.balances)
        for event in events:
            await stream.ack(event)
        yield


@app.page("/health")
async def health(view: Any, request: Any) -> Any:
    """Partitions and lag, as the real worker tells them."""
    consumer = app.consumer
    lag = sum(max(0, (consumer.highwater(p) or 0) - (consumer._committed_offset[p] or 0)) for p in consumer.assignment())
    return view.json({"lag_records": lag, "partitions": [str(p) for p in consumer.assignment()]})
