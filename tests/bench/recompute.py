"""The second rater over ten million events: how long `billing recompute --all` takes, and that it agrees."""

import os
import time
from datetime import UTC, datetime

from connectors.postgres.database import open_engine
from connectors.postgres.recompute_evidence import PostgresEvidenceRoom
from domain.period import BillingMonth
from invoicing.recompute_accounts import recompute_accounts
from tests.bench.figures import Figure, at_most, observed
from tests.bench.rated_totals import write_totals
from tests.bench.raw_events import ACCOUNTS, EVENTS, METERS, fill
from tests.installation import Installation

SECONDS_MAX = 60
OCTOBER = BillingMonth(2026, 10)


def measure(portion: float) -> list[Figure]:
    """Seconds on the wall, and this process's share of the cores."""
    events = int(EVENTS * portion)
    installation = Installation("bench", redis_db=2, worker_port=16068)
    fill(installation, events)
    write_totals(installation)
    room = PostgresEvidenceRoom(open_engine(installation.settings.postgres_dsn))
    started, used = time.perf_counter(), os.times()
    found = recompute_accounts(OCTOBER, None, room=room, now=datetime.now(UTC))
    seconds, now = time.perf_counter() - started, os.times()
    if found.differences or found.events != events:
        raise AssertionError(f"{found.events} of {events} events were recomputed: {found.rows()[:3]}")
    installation.drop()
    what = f"{events:,} events of {ACCOUNTS:,} accounts, {len(METERS)} charges with a matrix, {found.totals:,} totals"
    return [
        at_most("recompute_seconds", seconds, "s", SECONDS_MAX, conditions=f"{what}; PostgreSQL does the summing"),
        observed("recompute_python_cpu", now.user + now.system - used.user - used.system, "s", conditions=what),
    ]
