"""Rated usage in ClickHouse: every column where it belongs, every event once, also when a sender dies between two steps."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from connectors import metering_wiring, wiring
from connectors.clickhouse.insert_endpoint import InsertEndpoint
from connectors.clickhouse.schema import connect
from connectors.clickhouse.usage_feed import ClickHouseUsage
from domain.errors import EngineUnavailable
from invoicing.publish_usage import warehouse_next
from tests.books import open_account, open_shop
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, a_usage_event
from tests.metering_books import Books, Topic, Worker
from tests.rated_texts import a_rated_batch, a_rated_text

pytestmark = pytest.mark.engines


def a_row(**changes):
    (row,) = a_rated_batch(a_rated_text(**changes)).rows
    return row


@pytest.fixture
def feed(warehouse):
    return metering_wiring.warehouse()


@pytest.fixture
def worker(database, warehouse):
    open_shop()
    open_account("acme")
    worker = Worker()
    yield worker
    worker.store.close()


@pytest.fixture
def outbox(worker):
    outbox = metering_wiring.outbox()
    yield outbox
    outbox.close()


def counted(warehouse):
    """Events and revenue in micros as analysts see them, and the rows behind them."""
    ((events, micros),) = warehouse.execute("SELECT count(), sum(amount_micros) FROM usage_event FINAL")
    ((rows,),) = warehouse.execute("SELECT count() FROM usage_event")
    return events, micros, rows


class DiesBeforeMarking:
    """An outbox whose process ends when a batch is to be marked."""

    def __init__(self, outbox):
        self.unwarehoused = outbox.unwarehoused

    def mark_warehoused(self, batch_ids):
        raise RuntimeError("killed between insert and mark")


def test_every_column_is_where_it_belongs(feed, warehouse):
    happened_at, received_at = datetime(2026, 9, 30, 18, 30, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    times = {
        "event_micros": f"{happened_at.timestamp():.0f}123456",
        "received_micros": f"{received_at.timestamp():.0f}000000",
    }
    feed.insert([a_row(**times)])
    identity = "toUnixTimestamp(event_time), event_time_ms, event_key, batch_id, account, alias, customer, meter"
    properties = "channel, country, operator, currency, plan_version"
    amounts = "quantity_millionths, amount_micros, toUnixTimestamp(received_at)"
    (row,) = warehouse.execute(f"SELECT {identity}, {properties}, {amounts} FROM usage_event")
    assert row[:8] == (int(happened_at.timestamp()), 123, UUID(int=1), 7, "acme", "shop", "customer-acme", "otp.delivered")
    assert row[8:] == ("sms", "IN", "जियो", "INR", "otp-inr v1", 2_500_000, 500_000, int(received_at.timestamp()))


# What PostgreSQL may hold and TabSeparated must escape, every control character among it.
HOSTILE = "\\ \\N \\t \t\n\r' \" é जियो 💬" + "".join(map(chr, range(1, 32))) + "\x7f"


def test_any_text_arrives_as_it_was(feed, warehouse):
    feed.insert([a_row(alias=HOSTILE, meter="\\", properties=json.dumps({"channel": HOSTILE})), a_row(alias="after")])
    rows = warehouse.execute("SELECT alias, meter, channel FROM usage_event ORDER BY alias = 'after'")
    assert rows == [(HOSTILE, "\\", HOSTILE), ("after", "otp.delivered", "sms")]


def test_amounts_of_64_bits_are_exact(feed, warehouse):
    feed.insert([a_row(amount_micros=str(2**63 - 1), quantity_millionths=str(10**18 + 1))])
    assert warehouse.execute("SELECT amount_micros, quantity_millionths FROM usage_event") == [(2**63 - 1, 10**18 + 1)]


def test_an_insert_that_is_cut_off_anywhere_adds_whole_rows_or_nothing(feed, warehouse):
    """What a server that loses its client would take for the whole."""
    rows = [a_row(event_key=str(UUID(int=number))) for number in (1, 2)]
    whole = "".join(rows)
    for length in range(1, len(whole)):
        with suppress(EngineUnavailable):
            feed.insert([whole[:length]])
    keys = set(warehouse.execute("SELECT event_key, batch_id, amount_micros, toUnixTimestamp(received_at) FROM usage_event"))
    assert keys <= {(UUID(int=number), 7, 500_000, 1_792_065_601) for number in (1, 2)}


def test_an_event_sent_twice_counts_once(feed, warehouse):
    feed.insert([a_row()])
    feed.insert([a_row()])
    assert counted(warehouse)[:2] == (1, 500_000)


def test_a_crash_between_insert_and_mark_counts_every_event_once(worker, outbox, feed, warehouse):
    worker.take(Topic().append(*(a_usage_event(f"event-{number}") for number in range(10))))
    with pytest.raises(RuntimeError, match="killed"):
        warehouse_next(DiesBeforeMarking(outbox), feed, events_max=100, certain=True)
    assert counted(warehouse) == (10, 2_000_000, 10)
    assert warehouse_next(outbox, feed, events_max=100, certain=False) == 0
    assert counted(warehouse) == (10, 2_000_000, 10)
    assert warehouse_next(outbox, feed, events_max=100, certain=True) is None


def test_after_a_crash_in_the_middle_of_an_insert_only_what_is_missing_is_added(worker, outbox, feed, warehouse):
    worker.take(Topic().append(*(a_usage_event(f"event-{number}") for number in range(10))))
    _, rows = outbox.unwarehoused(events_max=100)
    feed.insert(rows[:4])
    assert warehouse_next(outbox, feed, events_max=100, certain=False) == 6
    assert counted(warehouse) == (10, 2_000_000, 10)


def test_an_id_used_again_after_24_hours_for_the_same_day_counts_as_the_two_events_it_is(
    worker, outbox, feed, warehouse, database
):
    topic = Topic()
    worker.take(topic.append(a_usage_event()))
    again = a_usage_event(at=HAPPENED_AT + timedelta(minutes=1))
    worker.take(topic.append(again, received_at=RECEIVED_AT + timedelta(hours=25)))
    assert Books(database).outcomes() == {"rated": 2}
    _, rows = outbox.unwarehoused(events_max=100)
    feed.insert([row for row in rows if f"\t{HAPPENED_AT.timestamp():.0f}\t" in row])
    assert warehouse_next(outbox, feed, events_max=100, certain=False) == 1
    assert counted(warehouse) == (2, 400_000, 2)


def test_a_clickhouse_that_is_down_marks_nothing_and_is_caught_up_later(worker, outbox, feed, warehouse):
    worker.take(Topic().append(a_usage_event()))
    nowhere = {"host": "127.0.0.1", "port": 1, "database": "default", "user": "default", "password": ""}
    down = ClickHouseUsage(connect(**nowhere), InsertEndpoint(**nowhere))
    for certain in (True, False):
        with pytest.raises(EngineUnavailable, match=r"ClickHouse does not answer \(.*\): see `make status`"):
            warehouse_next(outbox, down, events_max=100, certain=certain)
    assert warehouse_next(outbox, feed, events_max=100, certain=True) == 1
    assert counted(warehouse)[:2] == (1, 200_000)


def test_what_clickhouse_refuses_is_one_sentence(feed):
    with pytest.raises(EngineUnavailable, match=r"ClickHouse does not answer \(.*Cannot parse input.*\): see `make status`"):
        feed.insert([a_row(batch_id="1").replace("\t1\t", "\tone\t")])


def test_the_schema_may_be_applied_again_and_changes_nothing(feed, warehouse):
    feed.insert([a_row()])
    assert wiring.apply_warehouse_schema() == ["0001_usage", "0002_further_charges"]
    assert counted(warehouse)[0] == 1
