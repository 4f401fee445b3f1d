"""ClickHouse compared with the books: whatever is wrong there is named, mended, and gone at the second look."""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from connectors import batch_wiring, metering_wiring
from connectors.settings import PROJECT_ROOT
from domain.errors import IllegalTransition
from invoicing import reconcile_warehouse
from invoicing.publish_usage import warehouse_next
from invoicing.reconcile_ports import Days
from invoicing.reconcile_warehouse import reconcile
from tests.books import open_account, open_shop, send_to_warehouse
from tests.builders_usage import HAPPENED_AT, a_usage_event
from tests.metering_books import Topic, Worker

pytestmark = pytest.mark.engines

ALWAYS = Days()
TODAY = HAPPENED_AT.date()
COLUMNS = (
    "event_time, event_time_ms, event_key, batch_id, account, alias, customer, meter, channel, country, operator, currency,"
    " plan_version, quantity_millionths, amount_micros, received_at"
)


@pytest.fixture
def worker(database, warehouse):
    open_shop()
    open_account("acme")
    worker = Worker()
    yield worker
    worker.store.close()


@pytest.fixture
def topic():
    return Topic()


@pytest.fixture
def sent(worker, topic):
    """Three batches of ten events a day, on two days, all in ClickHouse."""
    for day in range(2):
        for batch in range(3):
            at = HAPPENED_AT - timedelta(days=day, milliseconds=batch * 37)
            worker.take(topic.append(*(a_usage_event(f"event-{day}-{batch}-{number}", at=at) for number in range(10))))
    send_to_warehouse()


def look(*, days=ALWAYS, repair=False):
    return reconcile(batch_wiring.booked_usage(), batch_wiring.warehoused_usage(), days, repair=repair)


def change(client, statement):
    """A mutation, waited for."""
    client.execute(statement)
    waiting = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND is_done = 0"
    while client.execute(waiting) != [(0,)]:
        pass


def a_copy(client, changes, *, where, limit=1):
    """Insert rows again, with some columns replaced."""
    columns = ", ".join(changes.get(name.strip(), name) for name in COLUMNS.split(","))
    client.execute(f"INSERT INTO usage_event ({COLUMNS}) SELECT {columns} FROM usage_event WHERE {where} LIMIT {limit}")


def rows(client):
    return client.execute("SELECT count(), sum(amount_micros) FROM usage_event")[0]


def figures(found):
    return [(gap.day, gap.first_batch, gap.missing, gap.doubled, gap.foreign, gap.changed) for gap in found.differences]


def assert_mended(warehouse):
    assert look().equal
    assert look().differences == []
    assert rows(warehouse) == (60, 12_000_000)


def test_nothing_to_do_is_said_and_nothing_is_done(sent, warehouse):
    found = look(repair=True)
    assert (found.equal, found.repaired, found.differences, found.on_their_way) == (True, False, [], 0)
    assert found.booked == found.warehoused
    assert (found.booked.events, found.booked.amount_micros) == (60, 12_000_000)


def test_empty_books_and_an_empty_warehouse_are_equal(worker, warehouse):
    assert look(repair=True).equal


def test_a_hole_is_found_and_filled(sent, warehouse):
    change(warehouse, "ALTER TABLE usage_event DELETE WHERE batch_id = 2 AND substring(toString(event_key), 10) < '8'")
    gone = 60 - rows(warehouse)[0]
    assert 0 < gone < 10
    found = look(repair=True)
    assert figures(found) == [(TODAY, 2, gone, 0, 0, 0)]
    assert (found.equal, found.removed, found.inserted) == (True, 0, gone)
    assert_mended(warehouse)


def test_a_double_is_found_and_taken_out(sent, warehouse):
    a_copy(warehouse, {}, where="batch_id = 3", limit=4)
    found = look(repair=True)
    assert figures(found) == [(TODAY, 3, 0, 4, 0, 0)]
    assert len(found.differences[0].keys) == 3
    assert (found.equal, found.removed, found.inserted) == (True, 14, 10)
    assert_mended(warehouse)


@pytest.mark.parametrize("batch_id", [2, 5, 5_000, 2**40])
def test_a_row_the_books_do_not_have_is_found_and_taken_out(sent, warehouse, batch_id):
    another = {"event_key": "toUUID('00000000-0000-0000-0000-00000000000a')", "batch_id": f"toUInt64({batch_id})"}
    a_copy(warehouse, another, where="batch_id = 2")
    found = look(repair=True)
    assert figures(found) == [(TODAY, batch_id, 0, 0, 1, 0)]
    assert found.equal
    assert_mended(warehouse)


def test_rows_of_a_day_the_books_do_not_have_are_taken_out(sent, warehouse):
    a_copy(warehouse, {"event_time": "event_time - 86400 * 90"}, where="batch_id = 2", limit=10)
    found = look(repair=True)
    assert figures(found) == [(TODAY - timedelta(days=90), 2, 0, 0, 10, 0)]
    assert_mended(warehouse)


@pytest.mark.parametrize(
    "changed",
    ["amount_micros = amount_micros + 1", "quantity_millionths = 7", "alias = 'other'"],
)
def test_a_changed_row_is_found_and_put_right(sent, warehouse, changed):
    change(warehouse, f"ALTER TABLE usage_event UPDATE {changed} WHERE batch_id = 4 AND event_time_ms >= 0")
    found = look(repair=True)
    assert figures(found) == [(TODAY - timedelta(days=1), 4, 0, 0, 0, 10)]
    assert found.equal
    assert_mended(warehouse)


def test_amounts_changed_so_that_every_sum_stays_are_found(sent, warehouse):
    keys = [key for (key,) in warehouse.execute("SELECT event_key FROM usage_event WHERE batch_id = 1 LIMIT 2")]
    for key, difference in zip(keys, ("+ 5", "- 5"), strict=True):
        change(
            warehouse, f"ALTER TABLE usage_event UPDATE amount_micros = amount_micros {difference} WHERE event_key = '{key}'"
        )
    assert rows(warehouse) == (60, 12_000_000)
    assert figures(look(repair=True)) == [(TODAY, 1, 0, 0, 0, 2)]
    assert_mended(warehouse)


def test_an_event_moved_to_another_day_is_missing_here_and_foreign_there(sent, warehouse):
    a_copy(warehouse, {"event_time": "event_time - 86400"}, where="batch_id = 1", limit=10)
    change(warehouse, f"ALTER TABLE usage_event DELETE WHERE batch_id = 1 AND toDate(event_time) = '{TODAY}'")
    assert figures(look(repair=True)) == [(TODAY - timedelta(days=1), 1, 0, 0, 10, 0), (TODAY, 1, 10, 0, 0, 0)]
    assert_mended(warehouse)


def test_a_whole_missing_day_is_named_without_looking_at_its_rows_and_put_back(sent, warehouse):
    change(warehouse, f"ALTER TABLE usage_event DELETE WHERE toDate(event_time) = '{TODAY}'")
    found = look(repair=True)
    (gap,) = found.differences
    assert (gap.day, gap.batches, gap.missing, gap.warehoused) == (TODAY, reconcile_warehouse.WIDTH, 30, 0)
    assert (found.removed, found.inserted) == (0, 30)
    assert_mended(warehouse)


def test_everything_wrong_at_once_is_mended_by_one_repair(sent, warehouse):
    change(warehouse, "ALTER TABLE usage_event DELETE WHERE batch_id = 6")
    a_copy(warehouse, {}, where="batch_id = 3", limit=10)
    a_copy(warehouse, {"batch_id": "toUInt64(999)"}, where="batch_id = 1", limit=10)
    change(warehouse, "ALTER TABLE usage_event UPDATE amount_micros = 0 WHERE batch_id = 2")
    assert len(look().differences) == 4
    assert look(repair=True).equal
    assert_mended(warehouse)


def test_only_the_days_asked_for_are_compared_and_touched(sent, warehouse):
    change(warehouse, "ALTER TABLE usage_event DELETE WHERE batch_id IN (1, 4)")
    yesterday = TODAY - timedelta(days=1)
    assert figures(look(days=Days(yesterday, TODAY), repair=True)) == [(yesterday, 4, 10, 0, 0, 0)]
    assert [gap.day for gap in look().differences] == [TODAY]
    assert look(days=Days(TODAY + timedelta(days=1))).equal


def test_what_is_booked_and_not_sent_yet_is_on_its_way_and_no_hole(sent, worker, topic, warehouse):
    worker.take(topic.append(a_usage_event("later")))
    found = look(repair=True)
    assert (found.equal, found.on_their_way) == (True, 1)
    assert rows(warehouse)[0] == 60


def test_what_is_sent_and_not_marked_yet_is_no_foreign_row(sent, worker, topic, warehouse):
    worker.take(topic.append(a_usage_event("later")))
    outbox = metering_wiring.outbox()
    _, events = outbox.unwarehoused(events_max=10)
    metering_wiring.warehouse().insert(events)
    assert (look(repair=True).equal, look().on_their_way) == (True, 1)
    assert rows(warehouse)[0] == 61
    assert warehouse_next(outbox, metering_wiring.warehouse(), events_max=10, certain=False) == 0
    outbox.close()
    assert look().equal


def test_many_batches_are_narrowed_down_to_the_one_that_differs(worker, topic, warehouse, monkeypatch):
    monkeypatch.setattr(reconcile_warehouse, "WIDTH", 8)
    monkeypatch.setattr(reconcile_warehouse, "_ROWS_MAX", 5)
    monkeypatch.setattr(reconcile_warehouse, "_INSERT_MAX", 7)
    for batch in range(40):
        worker.take(topic.append(*(a_usage_event(f"event-{batch}-{number}") for number in range(3))))
    send_to_warehouse()
    change(warehouse, "ALTER TABLE usage_event DELETE WHERE batch_id IN (17, 23) OR batch_id >= 24 AND batch_id < 32")
    a_copy(warehouse, {}, where="batch_id = 9", limit=2)
    found = look(repair=True)
    assert [(gap.first_batch, gap.batches, gap.missing, gap.doubled) for gap in found.differences] == [
        (9, 1, 0, 2),
        (17, 1, 3, 0),
        (23, 1, 3, 0),
        (24, 8, 24, 0),
    ]
    assert (found.equal, rows(warehouse)[0]) == (True, 120)


def test_one_repair_runs_at_a_time(sent, warehouse):
    change(warehouse, "ALTER TABLE usage_event DELETE WHERE batch_id = 6")
    with batch_wiring.booked_usage().hold_repair() as held:
        assert held
        with pytest.raises(IllegalTransition, match="another repair of the warehouse is running"):
            look(repair=True)
    assert look(repair=True).equal


DIES_AFTER_INSERTING = """
import os, signal
from connectors import metering_wiring
from invoicing.publish_usage import warehouse_next

outbox = metering_wiring.outbox()
outbox.mark_warehoused = lambda batch_ids: os.kill(os.getpid(), signal.SIGKILL)
warehouse_next(outbox, metering_wiring.warehouse(), events_max=100, certain=True)
"""


def test_a_publisher_killed_between_insert_and_mark_doubles_nothing(sent, worker, topic, warehouse):
    worker.take(topic.append(*(a_usage_event(f"late-{number}") for number in range(10))))
    killed = subprocess.run([sys.executable, "-c", DIES_AFTER_INSERTING], cwd=PROJECT_ROOT, env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert rows(warehouse)[0] == 70
    assert (look().equal, look().on_their_way) == (True, 1)

    outbox = metering_wiring.outbox()
    assert warehouse_next(outbox, metering_wiring.warehouse(), events_max=100, certain=False) == 0
    outbox.close()
    assert rows(warehouse)[0] == 70
    assert (look().equal, look().on_their_way) == (True, 0)


def test_times_keep_their_day_and_millisecond_on_both_sides(worker, topic, warehouse):
    for number, micros in enumerate([0, 1, 999, 1_000, 122_999, 123_000, 500_500, 998_999, 999_999]):
        midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
        before = midnight - timedelta(days=number) + timedelta(microseconds=micros - 1)
        worker.take(topic.append(a_usage_event(f"event-{number}", at=before)))
    send_to_warehouse()
    found = look()
    assert (found.equal, found.booked.events) == (True, 9)


def test_a_date_is_named_as_utc(sent):
    assert isinstance(TODAY, date)
    assert look(days=Days(TODAY, TODAY)).booked.events == 0
