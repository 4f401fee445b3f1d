"""Whether a worker grows: its memory after one and after ten million events, as PSS."""

from dataclasses import dataclass, field

import psutil

from tests.bench.figures import Figure, at_most, observed
from tests.bench.load import Load
from tests.bench.throughput import WHAT, new_load
from tests.installation import Installation, Worker, wait_until

EARLY_EVENTS = 1_000_000
EVENTS = 10_000_000
_STEP_EVENTS = 250_000
_BYTES_IN_MEGABYTE = 1e6


@dataclass
class _Sampled:
    """Megabytes after each step of the load."""

    events: list[int] = field(default_factory=list)
    worker_mb: list[float] = field(default_factory=list)
    publisher_mb: list[float] = field(default_factory=list)

    def sentence(self) -> str:
        """Ten of the samples of the worker, evenly spread."""
        every = max(1, len(self.events) // 10)
        pairs = list(zip(self.events, self.worker_mb, strict=True))[every - 1 :: every]
        return "worker " + ", ".join(f"{mb:.0f} MB at {events / 1e6:g} M" for events, mb in pairs)


def measure(portion: float) -> list[Figure]:
    """PSS of the worker early and late; of the publisher beside it late."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    load = new_load(installation)
    with installation.worker() as worker:
        sampled = _sample(worker, load, int(EVENTS * portion))
    installation.drop()
    early = sampled.worker_mb[sampled.events.index(_nearest(sampled.events, EARLY_EVENTS * portion))]
    late, events = sampled.worker_mb[-1], sampled.events[-1]
    what = f"PSS, single-event records, {WHAT}; {sampled.sentence()}"
    return [
        observed("worker_memory_early", early, "MB", conditions=f"after {EARLY_EVENTS * portion:,.0f} events; {what}"),
        observed("worker_memory_late", late, "MB", conditions=f"after {events:,} events; {what}"),
        observed("publisher_memory_late", sampled.publisher_mb[-1], "MB", conditions=f"after {events:,} events; {what}"),
        at_most("worker_memory_late_over_early", late / early, "times", 1.1, conditions=what),
    ]


def _sample(worker: Worker, load: Load, total: int) -> _Sampled:
    """Send step by step, and weigh whenever a step is booked; what waits in Kafka is never more than a step."""
    sampled, sent = _Sampled(), 0
    step = min(_STEP_EVENTS, total // 20)
    process = psutil.Process(worker.process.pid)
    while sent < total:
        load.send(step)
        sent += step
        wait_until(lambda: worker.metric("billing_records_total") >= sent, f"{sent} events are booked", seconds=300)  # noqa: B023
        sampled.events.append(sent)
        sampled.worker_mb.append(_megabytes(process))
        sampled.publisher_mb.append(sum(_megabytes(child) for child in process.children()))
    return sampled


def _nearest(values: list[int], wanted: float) -> int:
    return min(values, key=lambda value: abs(value - wanted))


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / _BYTES_IN_MEGABYTE
