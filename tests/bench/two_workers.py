"""Two workers against one on the same engines, with what each process costs and what saturates first."""

import os

from tests.bench.figures import Figure, at_least, observed
from tests.bench.rate import sustained_rate
from tests.bench.throughput import FASTEST, SECONDS, WHAT, costs, new_load
from tests.installation import Installation

_CORES_FOR_TWO = 4
"""Fewer are full with one worker and the engines, so that the second can only take from the first."""


def measure(portion: float) -> list[Figure]:
    """Rates of one and of two in the same run; the bar holds where the cores allow it."""
    seconds = SECONDS * portion
    installation = Installation("bench", redis_db=2, worker_port=16068)
    one = sustained_rate(installation, new_load(installation), seconds=seconds, fastest=FASTEST)
    two = sustained_rate(installation, new_load(installation), seconds=seconds, fastest=FASTEST, workers=2)
    installation.drop()
    what = f"single-event records, {WHAT}, over {seconds:.0f} s"
    times, name, beside = two.per_second / one.per_second, "two_workers_over_one", "one worker in the same run"
    cores = os.cpu_count() or 1
    return [
        observed("two_workers_events_per_second", two.per_second, "ev/s", conditions=what),
        at_least(name, times, "times", 1.5, compared_with=beside, conditions=what)
        if cores >= _CORES_FOR_TWO
        else observed(name, times, "times", compared_with=beside, conditions=f"no bar on {cores} cores; {what}"),
        *costs("two_workers", two, what),
    ]
