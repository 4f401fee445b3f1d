"""Replaying a range of a real topic: nothing counts twice, what was lost on the way is restored, gaps are filled."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer

from connectors import metering_wiring, wiring
from connectors.kafka.topic_log import KafkaTopicLog
from connectors.kafka.usage_events import decode_records
from connectors.postgres.replayed_books import PostgresReplayedBooks
from connectors.settings import settings
from domain.errors import InvalidInput, WrongSetup
from invoicing.fill_gaps import GapFiller
from invoicing.replay_ports import OffsetSpan
from invoicing.replay_topic import Destinations, ReplayTopic
from tests.books import an_event, open_account, open_shop, send_to_warehouse
from tests.kafka_topics import topics
from tests.metering_books import Books

pytestmark = pytest.mark.engines

NOW = datetime(2026, 11, 6, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Shop:
    """A topic with one partition, a worker that has read some of it, and the books."""

    def __init__(self, topic, database, cache):
        self.topic = topic
        self.books = Books(database)
        self.cache = cache
        self.known = PostgresReplayedBooks(database)
        self.log = KafkaTopicLog(settings().kafka_bootstrap, topic=topic)
        self.store = metering_wiring.metering_store("tests")
        self.filler = GapFiller(self.store, self.known, metering_wiring.metering)

    def send(self, *values, transactional=None):
        producer = Producer({"bootstrap.servers": settings().kafka_bootstrap} | (transactional or {}))
        if transactional:
            producer.init_transactions(30)
            producer.begin_transaction()
        for value in values:
            producer.produce(self.topic, value=value, partition=0)
        if transactional:
            producer.commit_transaction(30)
        assert producer.flush(30) == 0

    def records(self):
        (span,) = self.log.spans(start=LONG_AGO, end=None, partition=None).values()
        return [record for records in self.log.read(0, span) for record in records]

    def take(self, *, first=0, following=None):
        """What a worker does with some of the topic's records."""
        return metering_wiring.metering(self.store).meter(self.records()[first:following])

    def replay(self, *, dry=False, read_by_worker=True, start=LONG_AGO, end=None, partition=None, topic=None):
        log = KafkaTopicLog(settings().kafka_bootstrap, topic=topic) if topic else self.log
        use_case = ReplayTopic(topic or self.topic, log, self.known, decode_records, self.filler, read_by_worker)
        told = Destinations(self.store, metering_wiring.balance_cache(), metering_wiring.warehouse())
        return use_case.run(start=start, end=end, partition=partition, destinations=None if dry else told, now=NOW)

    def everything(self):
        """Every row of the books that money depends on."""
        tables = ("batch_range", "partition_progress", "usage_event", "usage_total", "wallet", "wallet_entry", "event_key")
        tables += ("dead_letter", "conflicting_event", "quarantined_event", "vacant_offsets", "audit_record")
        return {table: sorted(map(repr, self.books.rows(f"SELECT t::text FROM {table} t"))) for table in tables}


@pytest.fixture
def shop(database, warehouse, cache):
    open_shop()
    open_account("acme")
    with topics("usage.events", partitions=1) as prefix:
        shop = Shop(prefix + "usage.events", database, cache)
        with closing(shop.store), closing(shop.log):
            yield shop


@pytest.fixture
def booked(shop):
    """Two rated events, a retry, a conflict, a dead letter, an unknown type, an unknown alias, and an array of two."""
    event, other = an_event("acme"), an_event("acme", quantity=3)
    array = b"[" + an_event("acme") + b"," + an_event("acme", quantity=-1) + b"]"
    conflict = event.replace(b'"sms"', b'"whatsapp"')
    shop.send(event, other, event, conflict, b"{", an_event("acme", meter="no.such"), an_event("nobody"), array)
    shop.take()
    assert shop.books.outcomes() == {"rated": 3, "duplicate": 1, "conflict": 1, "dead_lettered": 3, "quarantined": 1}
    return shop


def only(replay):
    (partition,) = replay.partitions
    return partition


def test_a_replay_of_everything_leaves_the_books_as_they_were_and_finds_every_event(booked):
    before = booked.everything()
    for _ in range(2):
        found = only(booked.replay())
        assert (found.read, found.booked_before, found.missing, found.unaccounted) == (8, 8, 0, [])
    assert booked.everything() == before
    assert booked.books.failing_checks() == {}


def test_balances_that_were_lost_are_told_again(booked):
    booked.cache.flushdb()
    assert booked.replay().balances_told == 1
    ((account, micros, version),) = booked.books.rows("SELECT account_id, balance_micros, version FROM wallet")
    assert booked.cache.hgetall(f"balance:{account}") == {"balance_micros": str(micros), "version": str(version)}


def test_a_warehouse_that_was_emptied_is_filled_by_the_publisher_and_one_that_has_all_is_left_alone(booked, warehouse):
    send_to_warehouse()
    assert booked.replay().batches_warehoused_again == 0
    warehouse.execute("TRUNCATE TABLE usage_event")
    assert booked.replay().batches_warehoused_again == 1
    send_to_warehouse()
    assert warehouse.execute("SELECT count(), sum(quantity_millionths) FROM usage_event") == [(3, 5_000_000)]


def test_its_batches_are_announced_again(booked):
    outbox = metering_wiring.outbox()
    outbox.mark_announced([1])
    assert booked.replay().batches_announced_again == 1
    announcement = outbox.unannounced(events_max=100)
    outbox.close()
    rated = sum(len(batch.rows) for batch in announcement.rated)
    assert (rated, len(announcement.dead_letters), len(announcement.conflicts)) == (3, 3, 1)


def test_records_a_wrong_progress_skipped_are_booked_once_and_the_progress_stays(shop):
    shop.send(*(an_event("acme") for _ in range(10)))
    shop.take(following=3)
    with wiring.database().begin() as connection:
        connection.exec_driver_sql("UPDATE partition_progress SET next_offset = 7")
    shop.take(first=7)
    assert list(shop.books.failing_checks()) == ["offset_ranges_leave_no_gap"]

    found = only(shop.replay())
    assert (found.booked_before, found.missing, dict(found.outcomes)["rated"]) == (6, 4, 4)
    assert only(shop.replay()).missing == 0
    assert shop.books.outcomes() == {"rated": 10}
    assert shop.books.rows("SELECT next_offset FROM partition_progress") == [(10,)]
    assert shop.books.failing_checks() == {}


def test_several_gaps_are_filled_each_with_a_range_of_its_own(shop):
    shop.send(*(an_event("acme") for _ in range(9)))
    for first in (2, 5, 8):
        shop.take(first=first, following=first + 1)
    found = only(shop.replay())
    assert (found.booked_before, found.missing) == (3, 6)
    assert shop.books.outcomes() == {"rated": 9}
    assert shop.books.failing_checks() == {}


def test_a_gap_another_has_filled_meanwhile_is_not_filled_again(shop):
    shop.send(*(an_event("acme") for _ in range(4)))
    shop.take(first=3)
    gap = shop.records()[:3]
    assert sum(shop.filler.book(gap).outcomes.values()) == 3
    again = shop.filler.book(gap)
    assert (sum(again.outcomes.values()), again.redelivered_records) == (0, 3)
    assert shop.books.outcomes() == {"rated": 4}


def test_what_lies_ahead_of_the_worker_is_left_to_it(shop):
    shop.send(*(an_event("acme") for _ in range(5)))
    shop.take(following=2)
    found = only(shop.replay())
    assert (found.booked_before, found.missing, found.left_to_worker) == (2, 0, 3)
    shop.take()
    assert shop.books.outcomes() == {"rated": 5}
    assert shop.books.failing_checks() == {}


def test_a_topic_no_worker_reads_is_booked_once_and_a_copy_of_booked_events_is_duplicates(shop):
    events = [an_event("acme") for _ in range(3)]
    shop.send(*events, *events)
    first = only(shop.replay(read_by_worker=False))
    assert (first.missing, {kind.value: count for kind, count in first.outcomes.items() if count}) == (
        6,
        {"rated": 3, "duplicate": 3},
    )
    assert only(shop.replay(read_by_worker=False)).missing == 0
    assert shop.books.failing_checks() == {}


def test_a_dry_run_counts_what_is_missing_and_changes_nothing(shop):
    shop.send(*(an_event("acme") for _ in range(4)))
    shop.take(first=2)
    before = shop.everything()
    assert only(shop.replay(dry=True)).missing == 2
    assert shop.everything() == before
    assert shop.cache.keys() == []


def test_an_event_that_is_gone_from_the_books_is_named_by_its_offset(booked):
    with wiring.database().begin() as connection:
        connection.exec_driver_sql("DELETE FROM usage_event WHERE record_offset = 1")
        connection.exec_driver_sql("DELETE FROM dead_letter WHERE record_offset IN (4, 5)")
    assert sorted(only(booked.replay(dry=True)).unaccounted) == [1, 4, 5]


def test_offsets_kafka_has_no_record_at_are_written_down_and_are_no_gap_from_then_on(shop):
    for name in ("one", "two"):
        shop.send(an_event("acme"), transactional={"transactional.id": f"tests-{name}"})
    first, second = shop.records()
    metering = metering_wiring.metering(shop.store)
    metering.meter([first])
    metering.meter([second])
    assert (first.origin.offset, second.origin.offset) == (0, 2)
    assert list(shop.books.failing_checks()) == ["offset_ranges_leave_no_gap"]
    assert only(shop.replay()).vacant_offsets == 1
    assert only(shop.replay()).vacant_offsets == 0
    assert shop.books.failing_checks() == {}
    assert shop.known.covered(shop.topic, 0, OffsetSpan(0, 3)) == [OffsetSpan(0, 1), OffsetSpan(1, 2), OffsetSpan(2, 3)]


def test_only_the_time_that_was_asked_for_is_read(booked):
    (first,) = [record.origin.received_micros for record in booked.records()[:1]]
    begun = datetime.fromtimestamp(first / 1_000_000, UTC)
    assert booked.replay(end=begun).partitions == []
    assert booked.replay(start=begun + timedelta(days=1)).partitions == []
    assert only(booked.replay(start=begun, end=begun + timedelta(days=1))).read == 8


def test_a_partition_or_topic_that_is_not_there_is_one_sentence(shop):
    with pytest.raises(InvalidInput, match=r"partition: .* has 1 partitions"):
        shop.replay(partition=4)
    with pytest.raises(WrongSetup, match=r"Kafka has no topic no\.such"):
        shop.replay(topic="no.such")
