"""Kafka delivers again, or a worker dies: nothing is booked twice or lost, balances are told again (DESIGN §3.1)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.metering import Outcome
from tests.builders_usage import RECEIVED_AT, a_usage_event
from tests.metering_books import DyingStore, KilledBeforeCommit

pytestmark = pytest.mark.engines

TABLES = (
    "batch", "batch_range", "partition_progress", "event_key", "usage_event", "usage_total", "wallet_entry", "dead_letter",
    "quarantined_event",
)  # fmt: skip


def every_kind():
    """One record of each outcome but conflict."""
    return [a_usage_event("event-1"), a_usage_event("event-1"), a_usage_event("event-2", subject="nobody"), b"{"]


def test_a_redelivered_record_books_nothing_and_tells_its_balance_again(worker, topic, books):
    records = topic.append(a_usage_event())
    first = worker.take(records)
    again = worker.take(records)
    assert (again.redelivered_records, sum(again.outcomes.values())) == (1, 0)
    assert list(again.balances) == list(first.balances)
    assert books.outcomes() == {"rated": 1}


def test_a_worker_that_remembers_nothing_finds_out_from_the_books(worker, topic, books):
    records = topic.append(*every_kind())
    worker.take(records)
    worker.restart()
    again = worker.take(records)
    assert (again.redelivered_records, sum(again.outcomes.values())) == (4, 0)
    assert [balance.balance_micros for balance in again.balances] == [-200_000]
    assert books.outcomes() == {"rated": 1, "duplicate": 1, "dead_lettered": 1, "quarantined": 1}
    assert books.count("batch") == 1


def test_only_the_new_records_of_a_half_redelivered_batch_are_booked(worker, topic, books):
    old = topic.append(a_usage_event("event-1"), a_usage_event("event-2"))
    new = topic.append(a_usage_event("event-3"))
    worker.take(old)
    worker.restart()
    metered = worker.take(old + new)
    assert (metered.redelivered_records, metered.outcomes[Outcome.RATED]) == (2, 1)
    assert books.outcomes() == {"rated": 3}
    assert metered.balances[-1].balance_micros == -600_000


def test_a_redelivery_is_told_from_a_producers_duplicate(worker, topic, books):
    records = topic.append(a_usage_event())
    worker.take(records)
    metered = worker.take(records + topic.append(a_usage_event()))
    assert (metered.redelivered_records, metered.outcomes[Outcome.DUPLICATE]) == (1, 1)
    assert books.outcomes() == {"rated": 1, "duplicate": 1}


def test_redelivery_of_one_partition_does_not_hold_up_another(worker, topic, books):
    old = topic.append(a_usage_event("event-1"), partition=0)
    worker.take(old)
    worker.restart()
    metered = worker.take(old + topic.append(a_usage_event("event-2"), partition=1))
    assert (metered.redelivered_records, metered.outcomes[Outcome.RATED]) == (1, 1)


def test_after_its_partitions_moved_a_worker_asks_the_books_again(worker, other_worker, topic, books):
    first, second = topic.append(a_usage_event("event-1")), topic.append(a_usage_event("event-2"))
    worker.take(first)
    other_worker.take(second)
    metered = worker.take(first + second)
    assert (metered.redelivered_records, books.outcomes()) == (2, {"rated": 2})


def test_a_worker_killed_before_the_commit_leaves_nothing(worker, topic, books):
    records = topic.append(*every_kind(), a_usage_event("event-1", data={"quantity": 5}))
    worker.metering.store = DyingStore(worker.store)
    with pytest.raises(KilledBeforeCommit):
        worker.take(records)
    assert {table: books.count(table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert books.balance("acme") == 0

    worker.restart()
    worker.take(records)
    assert books.outcomes() == {"rated": 1, "duplicate": 1, "conflict": 1, "dead_lettered": 1, "quarantined": 1}


def test_a_worker_killed_after_the_commit_books_nothing_when_it_comes_back(worker, other_worker, topic, books):
    records = topic.append(a_usage_event("event-1"), a_usage_event("event-2"))
    worker.take(records)
    metered = other_worker.take(records)
    assert metered.redelivered_records == 2
    assert [balance.balance_micros for balance in metered.balances] == [-400_000]
    assert books.balance("acme") == Decimal("-0.40")


def test_a_batch_refused_by_the_permanent_key_and_killed_is_booked_once_in_the_end(worker, topic, books):
    worker.take(topic.append(a_usage_event("event-1")))
    records = topic.append(a_usage_event("event-1"), a_usage_event("event-2"), received_at=RECEIVED_AT + timedelta(days=2))
    worker.metering.store = DyingStore(worker.store)
    with pytest.raises(KilledBeforeCommit):
        worker.take(records)
    worker.restart()
    worker.take(records)
    assert books.outcomes() == {"rated": 2, "duplicate": 1}


def test_a_batch_without_records_does_nothing(worker, books):
    metered = worker.take([])
    assert (sum(metered.outcomes.values()), list(metered.balances), books.count("batch")) == (0, [], 0)


def test_every_offset_lies_in_one_range_also_when_nothing_was_rated(worker, topic, books):
    worker.take(topic.append(b"", b"{"))
    worker.take(topic.append(a_usage_event(), a_usage_event(), a_usage_event()))
    assert books.rows("SELECT first_offset, next_offset, records, received FROM batch_range ORDER BY 1") == [
        (0, 2, 2, 2),
        (2, 5, 3, 3),
    ]
    assert books.rows("SELECT next_offset FROM partition_progress") == [(5,)]
