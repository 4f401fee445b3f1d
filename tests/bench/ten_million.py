"""Ten million raw events priced anew: `billing recompute --all` and a what-if for all accounts, beside a plain sum in SQL.

All three look at the same rows in one run. The plan has five usage charges, one with a matrix, a monthly fee and a minimum.
"""

from datetime import UTC, datetime
from typing import Any

import psycopg

from connectors.postgres.database import open_engine
from connectors.postgres.fee_books import PostgresFeeBooks
from connectors.postgres.past_usage import PostgresPastRoom
from connectors.postgres.recompute_evidence import PostgresEvidenceRoom
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.recompute_accounts import recompute_accounts
from invoicing.simulate_plan import Chosen, simulate_plan
from tests.bench.figures import Figure, at_most, observed
from tests.bench.rated_totals import write_totals
from tests.bench.raw_events import ACCOUNTS, EVENTS, METERS, PLAN, fill
from tests.bench.watched import Took, watched
from tests.installation import Installation

SECONDS_MAX = 60
OCTOBER = BillingMonth(2026, 10)
_NOVEMBER_2 = datetime(2026, 11, 2, tzinfo=UTC)
_SUM = "SELECT subject, meter, count(*), sum(quantity_millionths) FROM usage_event GROUP BY subject, meter"


def measure(portion: float) -> list[Figure]:
    """Seconds on the wall of each, as multiples of the plain sum, and memory."""
    events = int(EVENTS * portion)
    installation = Installation("bench", redis_db=2, worker_port=16068)
    filled = watched(lambda: _fill(installation, events), dsn=_server(installation))
    dsn = installation.settings.postgres_dsn
    engine = open_engine(dsn)
    _sum(dsn)  # what is read first comes from the disk, so nobody is measured by it
    plain = watched(lambda: _sum(dsn), dsn=dsn)
    recomputed = watched(
        lambda: recompute_accounts(OCTOBER, None, room=PostgresEvidenceRoom(engine), now=_NOVEMBER_2), dsn=dsn
    )
    what_if = watched(
        lambda: simulate_plan(PLAN, Chosen(OCTOBER, OCTOBER), room=PostgresPastRoom(engine), now=_NOVEMBER_2), dsn=dsn
    )
    found, simulated = recomputed.result, what_if.result.total()
    if found.differences or found.events != events or found.fees != 2 * ACCOUNTS:
        raise AssertionError(f"{found.events} of {events} events, {found.fees} fees were recomputed: {found.rows()[:3]}")
    if simulated.events != events or simulated.difference_micros or not simulated.old_fees_micros:
        raise AssertionError(f"{simulated.events} of {events} events came to {simulated}")
    engine.dispose()
    installation.drop()
    what = f"{events:,} events of {ACCOUNTS:,} accounts, {len(METERS)} charges with a matrix, fees, {found.totals:,} totals"
    return [
        observed("raw_events_filled_seconds", filled.seconds, "s", conditions=f"{events:,} events, made in PostgreSQL"),
        observed("plain_sum_seconds", plain.seconds, "s", conditions=f"count and sum by alias and type; {what}"),
        *_figures("recompute", recomputed, plain.seconds, what),
        *_figures("what_if", what_if, plain.seconds, what),
    ]


def _figures(name: str, took: Took[Any], plain_seconds: float, what: str) -> list[Figure]:
    memory = f"this process; PostgreSQL spilled {took.spilled_mb:.0f} MB; {what}"
    return [
        at_most(f"{name}_seconds", took.seconds, "s", SECONDS_MAX, conditions=f"{what}; PostgreSQL does the summing"),
        observed(f"{name}_over_plain_sum", took.seconds / plain_seconds, "times", conditions=what),
        observed(f"{name}_python_cpu", took.cpu_seconds, "s", conditions=what),
        observed(f"{name}_peak_memory", took.peak_mb, "MB", conditions=memory),
    ]


def _fill(installation: Installation, events: int) -> None:
    fill(installation, events)
    write_totals(installation)
    accrue_fees(PostgresFeeBooks(open_engine(installation.settings.postgres_dsn)), _NoBalances(), now=_NOVEMBER_2)


def _sum(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return len(connection.execute(_SUM).fetchall())


def _server(installation: Installation) -> str:
    return psycopg.conninfo.make_conninfo(installation.settings.postgres_dsn, dbname="postgres")


class _NoBalances:
    """Nobody asks for balances here."""

    def put(self, balances: object) -> None:
        """Forget them."""
