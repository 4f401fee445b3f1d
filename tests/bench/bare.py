"""The limit: the metering transaction alone, without Kafka, Faust, decoding, Redis and a publisher.

The project's own store books batches that were decoded and prepared before the clock runs: claim identities, lock wallets,
settle, COPY the events, debit, write the ledger, commit. What the worker reaches of this is the cost of all the rest.
"""

import time
from collections.abc import Iterator

from connectors import clock
from connectors.kafka.usage_events import decode_records
from connectors.postgres.metering import PostgresMeteringStore
from domain.metering import Origin, Partition, settle
from domain.usage import TimeWindow
from invoicing.meter_usage import Batch, MeterUsage
from invoicing.metering_ports import MeteringStore, OffsetRange
from invoicing.records import Record
from tests.bench.load import Load
from tests.installation import Installation

_PARTITIONS = 8
_BATCHES_PREPARED = 20
_TOPIC = "bare"
_DAY_MICROS = 86_400_000_000


def bare_transaction_rate(installation: Installation, load: Load, *, seconds: float) -> float:
    """Events a second, over `seconds` spent in transactions; preparing happens between them and is not counted."""
    settings = installation.settings
    store = PostgresMeteringStore(settings.postgres_dsn, worker="bare", clock=clock.now)
    window = TimeWindow(settings.late_limit_days * _DAY_MICROS, settings.future_tolerance_seconds * 1_000_000)
    metering = MeterUsage(store, decode_records, window)
    records = _records(load)
    events, spent = 0, 0.0
    while spent < seconds:
        batches = [_prepare(metering, records, settings.batch_events_max) for _ in range(_BATCHES_PREPARED)]
        began = time.perf_counter()
        for batch, ranges in batches:
            events += _book(store, batch, ranges)
        spent += time.perf_counter() - began
    store.close()
    return events / spent


def _records(load: Load) -> Iterator[Record]:
    """Records as they would come from partitions that are read evenly."""
    number = 0
    while True:
        for _, value in load.records(100_000):
            yield Record(Origin(_TOPIC, number % _PARTITIONS, number // _PARTITIONS, clock.epoch_micros()), value)
            number += 1


def _prepare(metering: MeterUsage, records: Iterator[Record], count: int) -> tuple[Batch, dict[Partition, OffsetRange]]:
    taken = [next(records) for _ in range(count)]
    offsets: dict[Partition, list[int]] = {}
    for record in taken:
        offsets.setdefault((record.origin.topic, record.origin.partition), []).append(record.origin.offset)
    ranges = {place: OffsetRange(found[0], found[-1] + 1, len(found)) for place, found in offsets.items()}
    return metering.prepare(taken), ranges


def _book(store: MeteringStore, batch: Batch, ranges: dict[Partition, OffsetRange]) -> int:
    if batch.prepared is None:
        raise AssertionError("a batch could not be prepared")
    with store.begin() as transaction:
        position = transaction.open(batch.prepared, list(ranges), counted=())
        settled = settle(batch.prepared, position.known, position.totals)
        transaction.save(settled, ranges)
    return len(settled.rated)
