"""Re-rating one large account among others: how long it takes, and how long workers that book for the account wait."""

import time
from datetime import UTC, datetime
from typing import Any

import psycopg

from connectors import clock
from connectors.postgres.database import open_engine
from connectors.postgres.rerating import PostgresRerating, PostgresReratingDesk
from domain.money import Currency
from invoicing import administer
from invoicing.rerate_usage import rerate_usage
from tests.bench.figures import Figure, at_most, observed
from tests.installation import Installation
from tests.opened_accounts import NewAccount, NewCustomer, open_accounts

EVENTS = 500_000
ACCOUNTS = 5
HELD_MILLISECONDS_MAX = 50
_SINCE = datetime(2026, 10, 1, tzinfo=UTC)
_EVENTS = """
INSERT INTO usage_event (event_key, event_time, received_at, batch_id, partition, record_offset, account_id, charge_id,
    quantity_millionths, amount_micros, source, event_id, subject, meter, price_cell, properties)
SELECT lpad(to_hex(i), 32, '0')::uuid, timestamptz '2026-09-30 18:30+00' + i * (interval '31 days' / %(events)s),
       timestamptz '2026-11-01', 1, 0, i, a.account_id, c.charge_id, 1000000, 200000, '/bench', 'event-' || i, a.code,
       'otp.delivered', '*', '{"channel":"sms","country":"IN"}'
FROM generate_series(0, %(events)s - 1) AS i
JOIN (SELECT account_id, code, row_number() OVER (ORDER BY account_id) AS place FROM account) a
  ON a.place = 1 + i %% %(accounts)s
CROSS JOIN (SELECT charge_id FROM charge ORDER BY charge_id LIMIT 1) c
"""
_BOOKED = (
    "INSERT INTO batch (worker, config_version, booked_at, rated) SELECT 'bench', 1, now(), count(*) FROM usage_event",
    """
    INSERT INTO usage_total
        (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
    SELECT account_id, date '2026-10-01', charge_id, price_cell, sum(quantity_millionths), sum(amount_micros), count(*)
    FROM usage_event GROUP BY account_id, charge_id, price_cell
    """,
    "VACUUM ANALYZE usage_event",
)
_MOVE = (
    "UPDATE subscription SET validity = tstzrange(NULL, '2026-10-10') WHERE account_id = 1",
    "INSERT INTO subscription (account_id, plan_version_id, validity) VALUES (1, 2, tstzrange('2026-10-10', NULL))",
)


def measure(portion: float) -> list[Figure]:
    """Seconds on the wall for all of it, and milliseconds from the first lock a worker waits for to the commit."""
    events = int(EVENTS * portion)
    installation = Installation("bench", redis_db=2, worker_port=16068)
    _fill(installation, events)
    held: list[float] = []
    store = PostgresRerating(open_engine(installation.settings.postgres_dsn))
    started = time.perf_counter()
    outcome = _timed(store, held)
    ended = time.perf_counter()
    if outcome.moved < events / ACCOUNTS / 2:
        raise AssertionError(f"only {outcome.moved} events of {events} were re-rated")
    installation.drop()
    what = f"{outcome.moved:,} of {outcome.events:,} events of an account changed their plan; {events:,} events in the month"
    return [
        observed("rerating_seconds", ended - started, "s", conditions=what),
        at_most("rerating_holds_wallets", (ended - held[0]) * 1_000, "ms", HELD_MILLISECONDS_MAX, conditions=what),
    ]


def _timed(store: PostgresRerating, held: list[float]) -> Any:
    hold = PostgresReratingDesk.hold

    def timed(desk: PostgresReratingDesk) -> bool:
        held.append(time.perf_counter())
        return hold(desk)

    PostgresReratingDesk.hold = timed  # type: ignore[method-assign]
    try:
        author = administer.Author("bench", clock.now())
        return rerate_usage("A1", _SINCE, store=store, balances=None, author=author, why="measured")
    finally:
        PostgresReratingDesk.hold = hold  # type: ignore[method-assign]


def _fill(installation: Installation, events: int) -> None:
    installation.create()
    store, author = installation.administration(), administer.Author("bench", clock.now())
    for code, price in (("old", "0.20"), ("new", "0.15")):
        charge = {"meter": "otp.delivered", "description": "OTP", "sac": "998319", "unit": "message"}
        charge |= {"price": {"model": "per_unit", "unit_price": price}}
        administer.publish_plan(store, {"code": code, "name": code, "currency": "INR", "charges": [charge]}, author=author)
    numbers = range(1, ACCOUNTS + 1)
    customers = [
        NewCustomer(f"C{i}", f"Customer {i}", f"c{i}@example.com", None, ("1 Road",), "IN", "29", None, "unregistered")
        for i in numbers
    ]
    accounts = [NewAccount(f"A{i}", f"C{i}", "postpaid", Currency.INR, "Asia/Kolkata", (f"A{i}",), "old") for i in numbers]
    open_accounts(store, customers, accounts, author=author)
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(_EVENTS.encode(), {"events": events, "accounts": ACCOUNTS})
        for statement in (*_BOOKED, *_MOVE):
            connection.execute(statement.encode())
