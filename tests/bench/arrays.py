"""Sustained rate of one worker on records that hold arrays of events."""

from tests.bench.figures import Figure, at_least
from tests.bench.rate import sustained_rate
from tests.bench.throughput import WHAT, costs, new_load
from tests.installation import Installation

EVENTS_PER_RECORD = 200
SECONDS = 30
FASTEST = 70_000


def measure(portion: float) -> list[Figure]:
    """Events a second, and what one costs."""
    seconds = SECONDS * portion
    installation = Installation("bench", redis_db=2, worker_port=16068)
    load = new_load(installation, events_per_record=EVENTS_PER_RECORD)
    rate = sustained_rate(installation, load, seconds=seconds, fastest=FASTEST)
    installation.drop()
    what = f"arrays of {EVENTS_PER_RECORD} events of one account, {WHAT}, over {seconds:.0f} s"
    return [
        at_least("events_per_second_in_arrays", rate.per_second, "ev/s", 40_000, conditions=what),
        *costs("arrays", rate, what),
    ]
