"""The worker's Prometheus metrics, and what the health page judges by."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from connectors import clock
from invoicing.meter_usage import Metered
from invoicing.records import Record

events: Final = Counter("billing_events_total", "Usage events by what became of them.", ["outcome"])
records: Final = Counter("billing_records_total", "Kafka records booked.")
redelivered: Final = Counter("billing_records_redelivered_total", "Kafka records met again after they were booked.")
batch_seconds: Final = Histogram(
    "billing_batch_seconds",
    "From taking a batch to its balances told.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5),
)
batch_records: Final = Histogram(
    "billing_batch_records", "Records in a batch.", buckets=(1, 10, 50, 100, 500, 1000, 2000, 4000, 8000)
)
delay_seconds: Final = Histogram(
    "billing_delay_seconds",
    "From an append in Kafka to the balances told to Redis, once for each append time in a batch.",
    buckets=(0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.5, 1, 5, 60),
)
waiting_for_engine: Final = Counter("billing_waits_for_engine_total", "Pauses because a database did not answer.")
lag_records: Final = Gauge("billing_lag_records", "Records appended and not booked yet, in this worker's partitions.")
published: Final = Counter("billing_published_events_total", "Rated events sent on after their commit.", ["to"])


def batch_done(metered: Metered, batch: Sequence[Record], *, started_seconds: float) -> None:
    """Count a batch that is booked and told."""
    for outcome, number in metered.outcomes.items():
        events.labels(outcome.value).inc(number)
    records.inc(len(batch) - metered.redelivered_records)
    redelivered.inc(metered.redelivered_records)
    batch_seconds.observe(clock.monotonic_seconds() - started_seconds)
    batch_records.observe(len(batch))
    now_micros = clock.epoch_micros()
    for received_micros in {record.origin.received_micros for record in batch}:
        delay_seconds.observe((now_micros - received_micros) / 1_000_000)
