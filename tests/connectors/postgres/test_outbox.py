"""The outbox: what is booked and not sent on yet, oldest first, for one sender at a time."""

import json
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from connectors import clock, metering_wiring
from connectors.postgres import rated_events
from connectors.postgres.outbox import PostgresOutbox
from connectors.postgres.rated_events import RatedEventReader
from connectors.settings import settings
from domain.errors import EngineUnavailable
from invoicing.publish_usage import RefusedEvent, announce_next
from tests.books import open_account, open_shop
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, TOPIC, a_usage_event, an_event
from tests.metering_books import Books, Topic, Worker

pytestmark = pytest.mark.engines


@pytest.fixture
def worker(database):
    open_shop()
    open_account("acme")
    worker = Worker()
    yield worker
    worker.store.close()


@pytest.fixture
def topic():
    return Topic()


@pytest.fixture
def outbox(worker):
    outbox = metering_wiring.outbox()
    yield outbox
    outbox.close()


@pytest.fixture
def other_outbox(worker):
    outbox = metering_wiring.outbox()
    yield outbox
    outbox.close()


class Announcer:
    """A topic that keeps what it is told."""

    def __init__(self, *, down=False):
        self.told = []
        self.down = down

    def announce(self, announcement):
        self.told += told(announcement.rated)
        if self.down:
            raise EngineUnavailable("Kafka does not take results")


def told(batches):
    """The events of some batches, as their topic is told them."""
    return [json.loads(event) for batch in batches for events in batch.records.values() for event in events]


def ids(batches):
    return [event["data"]["event_id"] for event in told(batches)]


def events(start, end):
    return [a_usage_event(f"event-{number}") for number in range(start, end)]


def test_a_rated_event_is_told_with_everything_others_need(worker, topic, outbox):
    worker.take(topic.append(a_usage_event(data={"quantity": 2.5, "channel": "sms", "country": "IN"})))
    announcement = outbox.unannounced(events_max=10)
    (event,) = told(announcement.rated)
    key = str(UUID(bytes=an_event("event-1").key))
    assert (event["id"], event["subject"], event["time"]) == (key, "acme", HAPPENED_AT.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    assert event["data"] == {
        "source": "/otpless/core",
        "event_id": "event-1",
        "alias": "acme",
        "customer": "customer-acme",
        "meter": "otp.delivered",
        "price_cell": "sms",
        "charge": "otp.delivered",
        "plan_version": "otp-inr v1",
        "currency": "INR",
        "quantity_millionths": 2_500_000,
        "amount_micros": 500_000,
        "batch_id": announcement.batch_ids[0],
        "properties": {"channel": "sms", "country": "IN"},
    }
    _, (row,) = outbox.unwarehoused(events_max=10)
    assert row[:-1].split("\t") == [
        "acme",
        "customer-acme",
        "INR",
        "otp-inr v1",
        "sms",
        "IN",
        "",
        str(int(HAPPENED_AT.timestamp())),
        str(HAPPENED_AT.microsecond // 1_000),
        "acme",
        "otp.delivered",
        "2500000",
        "500000",
        str(int(RECEIVED_AT.timestamp())),
        str(announcement.batch_ids[0]),
        key,
    ]


def test_dead_letters_and_conflicts_are_told_with_their_origin_reason_and_bytes(worker, topic, outbox):
    changed = a_usage_event(data={"quantity": 9})
    worker.take(topic.append(a_usage_event(), b"\xff", b"[" + changed + b"]", partition=3))
    announcement = outbox.unannounced(events_max=10)
    (letter,) = announcement.dead_letters
    assert (letter.topic, letter.partition, letter.offset, letter.index, letter.reason, letter.payload) == (
        TOPIC,
        3,
        1,
        None,
        "not_json",
        b"\xff",
    )
    assert announcement.conflicts == [
        RefusedEvent(
            TOPIC, 3, 2, 0, "conflict", "an event with this source and id but another body was booked before", changed
        )
    ]


def test_the_oldest_batches_come_first_about_as_many_as_fit(worker, topic, outbox):
    for start in range(0, 40, 10):
        worker.take(topic.append(*events(start, start + 10)))
    announcement = outbox.unannounced(events_max=25)
    assert len(announcement.batch_ids) == 2
    assert sorted(ids(announcement.rated)) == sorted(f"event-{number}" for number in range(20))


def test_a_batch_larger_than_a_sending_passes_alone(worker, topic, outbox):
    worker.take(topic.append(*events(0, 30)))
    worker.take(topic.append(*events(30, 31)))
    assert [len(outbox.unwarehoused(events_max=5)[1])] == [30]


def test_each_destination_has_a_mark_of_its_own(worker, topic, outbox):
    worker.take(topic.append(a_usage_event()))
    announcement = outbox.unannounced(events_max=10)
    outbox.mark_announced(announcement.batch_ids)
    outbox.mark_announced(announcement.batch_ids)
    assert outbox.unannounced(events_max=10) is None
    assert outbox.unwarehoused(events_max=10)[0] == announcement.batch_ids
    outbox.mark_warehoused(announcement.batch_ids)
    assert outbox.unwarehoused(events_max=10) is None


def test_a_batch_that_rated_nothing_is_marked_too(worker, topic, outbox):
    worker.take(topic.append(a_usage_event(subject="nobody")))
    assert announce_next(outbox, Announcer(), events_max=10) == 0
    assert announce_next(outbox, Announcer(), events_max=10) is None


def test_what_could_not_be_sent_is_sent_again(worker, topic, outbox):
    worker.take(topic.append(a_usage_event()))
    with pytest.raises(EngineUnavailable):
        announce_next(outbox, Announcer(down=True), events_max=10)
    announcer = Announcer()
    assert announce_next(outbox, announcer, events_max=10) == 1
    assert [event["data"]["event_id"] for event in announcer.told] == ["event-1"]


def test_what_is_booked_while_a_batch_is_sent_is_not_marked_with_it(worker, topic, outbox, database):
    worker.take(topic.append(*events(0, 1)))
    announcement = outbox.unannounced(events_max=10)
    worker.take(topic.append(*events(1, 2)))
    outbox.mark_announced(announcement.batch_ids)
    assert Books(database).rows("SELECT count(*) FROM batch WHERE announced_at IS NULL") == [(1,)]


def test_a_destination_has_one_sender_at_a_time(outbox, other_outbox):
    with (
        outbox.hold("topics") as held,
        other_outbox.hold("topics") as also_held,
        other_outbox.hold("clickhouse") as other_held,
    ):
        assert (held, also_held, other_held) == (True, False, True)
    with other_outbox.hold("topics") as held:
        assert held


def test_a_sender_that_died_gives_its_destination_free(outbox, other_outbox):
    with outbox.hold("topics"):
        outbox.close()
        with other_outbox.hold("topics") as held:
            assert held


def test_a_lost_connection_is_one_sentence_and_the_next_call_has_another(worker, topic, outbox):
    worker.take(topic.append(a_usage_event()))
    assert outbox.unannounced(events_max=10) is not None
    with psycopg.connect(settings().postgres_dsn, autocommit=True) as connection:
        others = "pid <> pg_backend_pid() AND datname = current_database() AND query LIKE '%FROM further_charge%'"
        ended = connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}").fetchall()
    assert ended == [(True,)]
    with pytest.raises(EngineUnavailable, match=r"PostgreSQL does not answer \(.*\): see `make status`"):
        outbox.unannounced(events_max=10)
    assert ids(outbox.unannounced(events_max=10).rated) == ["event-1"]


def test_a_server_that_does_not_answer_is_one_sentence():
    outbox = PostgresOutbox(
        "postgresql://billing@127.0.0.1:1/billing", clock=clock.now, reader=RatedEventReader(partitions=1)
    )
    with pytest.raises(EngineUnavailable, match="PostgreSQL does not answer"):
        outbox.unannounced(events_max=1)


def test_what_one_destination_has_read_the_other_does_not_read_again(worker, topic, database, monkeypatch):
    reader = metering_wiring.rated_events()
    topics, clickhouse = metering_wiring.outbox(reader), metering_wiring.outbox(reader)
    worker.take(topic.append(*events(0, 3)))
    worker.take(topic.append(*events(3, 5)))
    announced = topics.unannounced(events_max=10).rated
    with database.begin() as connection:
        connection.execute(text("UPDATE usage_event SET meter = 'read again'"))
    assert clickhouse.unwarehoused(events_max=3)[1] == announced[0].rows
    rows = clickhouse.unwarehoused(events_max=3)[1]
    assert [row.count("read again") for row in rows] == [1, 1, 1]
    topics.close()
    clickhouse.close()


def test_events_are_kept_for_the_other_destination_only_up_to_a_limit(worker, topic, database, monkeypatch):
    monkeypatch.setattr(rated_events, "_KEPT_EVENTS_MAX", 3)
    reader = metering_wiring.rated_events()
    topics, clickhouse = metering_wiring.outbox(reader), metering_wiring.outbox(reader)
    for start in range(0, 8, 2):
        worker.take(topic.append(*events(start, start + 2)))
    assert len(told(topics.unannounced(events_max=10).rated)) == 8
    with database.begin() as connection:
        connection.execute(text("UPDATE usage_event SET meter = 'read again'"))
    rows = clickhouse.unwarehoused(events_max=10)[1]
    assert [row.count("read again") for row in rows] == [0] * 2 + [1] * 6
    topics.close()
    clickhouse.close()


def test_many_batches_are_read_some_at_a_time_and_told_in_their_order(worker, topic, outbox, monkeypatch):
    monkeypatch.setattr(rated_events, "_READ_EVENTS", 5)
    for start in range(0, 20, 2):
        worker.take(topic.append(*events(start, start + 2)))
    announcement = outbox.unannounced(events_max=100)
    assert [batch.batch_id for batch in announcement.rated] == list(announcement.batch_ids)
    assert sorted(ids(announcement.rated)) == sorted(f"event-{number}" for number in range(20))


def test_an_account_opened_while_the_publisher_runs_has_its_name(worker, topic, outbox):
    worker.take(topic.append(*events(0, 1)))
    outbox.mark_announced(outbox.unannounced(events_max=10).batch_ids)
    open_account("zenith")
    worker.take(topic.append(a_usage_event("event-9", subject="zenith")))
    (event,) = told(outbox.unannounced(events_max=10).rated)
    facts = event["data"]
    assert (event["subject"], facts["customer"], facts["plan_version"], facts["currency"]) == (
        "zenith",
        "customer-zenith",
        "otp-inr v1",
        "INR",
    )
