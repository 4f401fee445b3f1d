"""The what-if over ten million events: how long it takes for all accounts, and that their own plan changes nothing."""

import os
import time
from datetime import UTC, datetime

from connectors.postgres.database import open_engine
from connectors.postgres.past_usage import PostgresPastRoom
from domain.period import BillingMonth
from invoicing.simulate_plan import Chosen, simulate_plan
from tests.bench.figures import Figure, at_most, observed
from tests.bench.rated_totals import write_totals
from tests.bench.raw_events import ACCOUNTS, EVENTS, METERS, PLAN, fill
from tests.installation import Installation

SECONDS_MAX = 60
OCTOBER = BillingMonth(2026, 10)


def measure(portion: float) -> list[Figure]:
    """Seconds on the wall, and this process's share of the cores."""
    events = int(EVENTS * portion)
    installation = Installation("bench", redis_db=2, worker_port=16068)
    fill(installation, events)
    write_totals(installation)
    room = PostgresPastRoom(open_engine(installation.settings.postgres_dsn))
    started, used = time.perf_counter(), os.times()
    found = simulate_plan(PLAN, Chosen(OCTOBER, OCTOBER), room=room, now=datetime.now(UTC)).total()
    seconds, now = time.perf_counter() - started, os.times()
    if found.events != events or found.difference_micros:
        raise AssertionError(f"{found.events} of {events} events came to {found.new_micros}, not {found.old_micros}")
    installation.drop()
    what = f"{events:,} events of {ACCOUNTS:,} accounts under a candidate of {len(METERS)} charges with a matrix"
    return [
        at_most("what_if_seconds", seconds, "s", SECONDS_MAX, conditions=f"{what}; PostgreSQL does the summing"),
        observed("what_if_python_cpu", now.user + now.system - used.user - used.system, "s", conditions=what),
    ]
