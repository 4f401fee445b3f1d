"""Re-rating beside workers and beside itself, and dying in the middle of it: the books are those of the truth all along.

The reference is a twin: an account with the same events that was on the new plan from the start.
"""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text

from connectors import batch_wiring, metering_wiring, proof_wiring
from connectors.postgres.rerating import PostgresReratingDesk
from invoicing.recompute_accounts import recompute_accounts
from invoicing.rerate_usage import rerate_usage
from tests.books import AUTHOR, NOVEMBER_2, an_event, book, open_account
from tests.builders import OCTOBER
from tests.invoicing.selling import a_usage_charge, publish, put_on

pytestmark = pytest.mark.engines

BILLING = Path(sys.executable).with_name("billing")
OCTOBER_1 = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
OCTOBER_10 = datetime(2026, 10, 10, tzinfo=UTC)
DAYS = [datetime(2026, 10, day, hour, tzinfo=UTC) for day in (3, 9, 12, 20, 28) for hour in (2, 14)]
NUMBERS = {"code": "numbers", "event_type": "otp.delivered", "aggregation": "unique", "property": "number"}
VOLUME = {"model": "volume", "tiers": [{"up_to": 6, "unit_price": "1"}, {"unit_price": "0.5"}]}
OFF = {"code": "off", "kind": "percentage", "description": "Off", "percent": "10", "applies_to": ["otp.delivered"]}
GIVE_UP_SECONDS = 30


@pytest.fixture(name="changed")
def _changed(shop, cache):
    """Two accounts, of which acme's plan is to change from 10 October on, and twin's has changed already."""
    charges = [a_usage_charge("otp.delivered", price=VOLUME), a_usage_charge("distinct", "numbers", price=VOLUME), OFF]
    plan = publish(shop, "new", charges, meters=[NUMBERS])
    for code in ("acme", "twin"):
        open_account(code)
        put_on(shop, code, publish(shop, "old", charges, meters=[NUMBERS]) if code == "acme" else plan, start=OCTOBER_1)
    put_on(shop, "twin", publish(shop, "newer", charges), start=OCTOBER_10)
    use(shop)
    return shop


def use(database, quantity=1):
    """The same events for both."""
    for code in ("acme", "twin"):
        events = [an_event(code, at=at, quantity=quantity, number=f"{at:%d}", channel="sms") for at in DAYS]
        book(database, events, warehouse=False)


def change_acme(database):
    """From 10 October on it is on what twin is on, and was before."""
    with database.begin() as connection:
        statement = """
            WITH mine AS (DELETE FROM subscription WHERE account_id = (SELECT account_id FROM account WHERE code = 'acme'))
            SELECT s.plan_version_id, s.validity, s.began_at FROM subscription s JOIN account a USING (account_id)
            WHERE a.code = 'twin'
        """
        segments = connection.execute(text(statement)).all()
        insert = """
            INSERT INTO subscription (account_id, plan_version_id, validity, began_at)
            SELECT account_id, :plan, CAST(:validity AS tstzrange), :began FROM account WHERE code = 'acme'
        """
        for plan, validity, began in segments:
            connection.execute(text(insert), {"plan": plan, "validity": _range(validity), "began": began})


def _range(validity):
    lower, upper = validity.lower, validity.upper
    return f"[{lower.isoformat() if lower else ''},{upper.isoformat() if upper else ''})"


def totals(database, code):
    """The running totals of an account that are not nothing, and its balance."""
    with database.connect() as connection:
        statement = """
            SELECT service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count
            FROM usage_total JOIN account USING (account_id)
            WHERE code = :code AND (quantity_millionths, amount_micros, event_count) <> (0, 0, 0) ORDER BY 1, 2, 3
        """
        rows = [tuple(row) for row in connection.execute(text(statement), {"code": code})]
        balance = "SELECT balance_micros FROM wallet JOIN account USING (account_id) WHERE code = :code"
        return rows, connection.execute(text(balance), {"code": code}).scalar_one()


def books_are_as_if_it_had_always_been_so(database):
    assert totals(database, "acme") == totals(database, "twin")
    assert recompute_accounts(OCTOBER, None, room=proof_wiring.evidence_room(), now=NOVEMBER_2).rows() == []
    assert [check.name for check in batch_wiring.books().examine(rows_shown=3).checks if check.rows] == []


def rerate(store=None, balances=None):
    balances = balances or metering_wiring.balance_cache()
    store = store or proof_wiring.rerating()
    return rerate_usage("acme", OCTOBER_1, store=store, balances=balances, author=AUTHOR, why="agreed late")


def rerating_process():
    command = [str(BILLING), "rerate", "--account", "acme", "--from", "2026-10-01", "--book", "--json"]
    return subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def until(condition):
    for _ in range(GIVE_UP_SECONDS * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to it")


def sessions(database, like):
    with database.connect() as connection:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE :like"
        return connection.execute(text(statement), {"like": like}).scalar_one()


@pytest.mark.parametrize("table", ["audit_record", "usage_total", "further_charge"])
def test_killed_before_its_commit_it_has_booked_nothing_and_the_next_one_books_all(changed, table):
    change_acme(changed)
    before = totals(changed, "acme")
    with changed.connect() as holder:
        holder.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
        process = rerating_process()
        until(lambda: sessions(changed, f"%{table}%"))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        holder.rollback()
    until(lambda: not sessions(changed, "%"))

    assert totals(changed, "acme") == before
    assert rerate().moved > 0
    books_are_as_if_it_had_always_been_so(changed)


class _DeadCache:
    def put(self, balances):
        raise ConnectionError("the process died after its commit")


def test_dead_after_its_commit_it_has_booked_all_and_the_next_one_tells_the_cache(changed, cache):
    change_acme(changed)
    with pytest.raises(ConnectionError):
        rerate(balances=_DeadCache())

    assert rerate().moved == 0
    books_are_as_if_it_had_always_been_so(changed)
    _, balance = totals(changed, "acme")
    with changed.connect() as connection:
        owner = connection.execute(text("SELECT account_id FROM account WHERE code = 'acme'")).scalar_one()
    assert cache.hget(f"balance:{owner}", "balance_micros") == str(balance)


def test_two_at_once_book_the_difference_once(changed):
    change_acme(changed)
    with ThreadPoolExecutor(3) as people:
        outcomes = list(people.map(lambda _: rerate(), range(3)))

    assert sorted(bool(outcome.moved) for outcome in outcomes) == [False, False, True]
    books_are_as_if_it_had_always_been_so(changed)


class _Interrupted:
    """A store whose events are read while something else happens."""

    def __init__(self, happens):
        self._store = proof_wiring.rerating()
        self._happens = happens

    @contextmanager
    def begin(self, code, since, *, now):
        with self._store.begin(code, since, now=now) as desk:
            yield _InterruptedDesk(desk, self._happens)


class _InterruptedDesk:
    def __init__(self, desk, happens):
        self._desk = desk
        self._happens = happens

    def __getattr__(self, name):
        return getattr(self._desk, name)

    @contextmanager
    def look(self):
        with self._desk.look() as view:
            yield _InterruptedView(view, self._happens)


class _InterruptedView:
    def __init__(self, view, happens):
        self._view = view
        self._happens = happens

    def __getattr__(self, name):
        return getattr(self._view, name)

    def events(self):
        for number, event in enumerate(self._view.events()):
            if number == 3:
                self._happens()
            yield event


def test_events_that_workers_book_meanwhile_are_in_the_books_once_and_by_the_new_plan(changed):
    change_acme(changed)
    started = Event()
    with ThreadPoolExecutor(1) as worker:
        booking = []

        def happens():
            if not started.is_set():
                started.set()
                booking.append(worker.submit(use, changed, 3))
                time.sleep(0.3)

        rerate(_Interrupted(happens))
        booking[0].result(GIVE_UP_SECONDS)

    books_are_as_if_it_had_always_been_so(changed)
    assert rerate().moved == 0


def test_a_change_of_plan_meanwhile_is_followed(changed):
    changes = iter([change_acme])

    rerate(_Interrupted(lambda: next(changes, lambda _: None)(changed)))

    books_are_as_if_it_had_always_been_so(changed)


def test_events_it_has_missed_show_in_what_totals_count_and_it_begins_anew(changed, monkeypatch):
    change_acme(changed)
    bookings, looks = iter([use]), []

    def happens():
        looks.append(1)
        next(bookings, lambda _: None)(changed)

    monkeypatch.setattr(PostgresReratingDesk, "later", lambda desk: [])
    rerate(_Interrupted(happens))

    assert len(looks) == 2
    books_are_as_if_it_had_always_been_so(changed)


def test_what_workers_wait_for_is_held_only_after_the_events_were_read_and_written(changed):
    change_acme(changed)
    free = []

    def happens():
        with changed.begin() as connection:
            statement = "SELECT FROM wallet, config_version FOR UPDATE NOWAIT"
            free.append(connection.execute(text(statement)).all())

    rerate(_Interrupted(happens))

    assert len(free) == 1


def test_workers_that_go_on_booking_all_the_time_and_reraters_leave_the_books_of_the_truth(changed):
    change_acme(changed)

    def work():
        for quantity in (1, 2, 1, 3, 2, 1, 1, 2):
            use(changed, quantity)

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(work), *(pool.submit(rerate) for _ in range(4))]
        for future in futures:
            future.result(GIVE_UP_SECONDS)

    books_are_as_if_it_had_always_been_so(changed)
