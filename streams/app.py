"""The Faust app of the metering worker. Start: `faust -L uvloop -A streams.app worker --web-port 16066`."""

import gc
import logging
import sys
from typing import Any

import faust

from connectors import metering_wiring as wiring
from connectors.settings import PROJECT_ROOT, settings
from domain.errors import BillingError
from streams.batched_consumer import BatchedTransport

try:
    _settings = settings()
except BillingError as error:
    sys.exit(f"the metering worker does not start: {error}")

GROUP = f"{_settings.kafka_topic_prefix}metering"

app = faust.App(
    GROUP,
    broker=f"kafka://{_settings.kafka_bootstrap}",
    datadir=PROJECT_ROOT / ".local" / "faust" / GROUP,
    value_serializer="raw",
    key_serializer="raw",
    agent_supervisor="mode.CrashingSupervisor",  # an error the agent does not expect ends the process; it is started anew
    topic_disable_leader=True,
    topic_allow_declare=False,
    web_host=_settings.worker_host,
    web_port=_settings.worker_port,
    web_tables_enabled=False,
    broker_commit_interval=0.5,
    broker_commit_every=1,
    broker_session_timeout=10.0,  # after a kill -9 the partitions of a worker stand still for this long
    broker_heartbeat_interval=2.0,
    # Events are fetches of up to 1,000 records here. Room for 16 of them keeps the consumer pulling while a batch is booked;
    # a consumer that is not pulled from does not fetch for any partition. Both together bound the memory of a backlog.
    broker_max_poll_records=1_000,
    stream_buffer_maxsize=16,
    cython_optimizations=True,
    autodiscover=[
        "streams.meter_usage",
        "streams.receive_events",
        "streams.publish_usage",
        "streams.watch",
    ],  # agents, tasks and pages
)
app.transport = BatchedTransport(app.conf.broker_consumer, app)

usage_events = app.topic(
    _settings.kafka_topic_prefix + "usage.events",
    key_serializer="raw",
    value_serializer="raw",
    key_type=bytes,
    value_type=bytes,
)


@app.on_worker_init.connect
def refuse_to_start_half(*_: Any, **__: Any) -> None:
    """Check topics, schema and engines before anything runs; end with one sentence when something is missing."""
    try:
        wiring.migrations().check()
        wiring.topic_admin().check(wiring.topics())
    except BillingError as error:
        sys.exit(f"the metering worker does not start: {error}")
    for name, fault in wiring.faults_of_optional_engines().items():
        logging.getLogger(__name__).warning("%s is down (%s): metering goes on, its copy will be caught up", name, fault)
    # Batches allocate and free thousands of small objects a second, none of them in cycles; fewer collections, less latency.
    app.conf.datadir.parent.mkdir(parents=True, exist_ok=True)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    # The consumer has a thread of its own: a shorter turn at the interpreter lock lets it fetch while a batch is rated.
    sys.setswitchinterval(0.0005)
