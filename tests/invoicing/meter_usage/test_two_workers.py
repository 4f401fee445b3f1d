"""Two workers at once: they wait for each other but never in a circle, and count every event once."""

from itertools import cycle

import pytest

from tests.builders_usage import a_usage_event
from tests.metering_books import at_once

pytestmark = pytest.mark.engines


def events(start, end, *, subjects=("acme",)):
    return [
        a_usage_event(f"event-{number}", subject=subject)
        for number, subject in zip(range(start, end), cycle(subjects), strict=False)
    ]


@pytest.mark.parametrize("round_", range(3))
def test_the_same_records_taken_by_two_workers_at_once_count_once(worker, other_worker, topic, books, round_):
    fresh_partition = topic.append(*events(0, 50))
    at_once((worker, fresh_partition), (other_worker, fresh_partition))
    known_partition = topic.append(*events(50, 100))
    at_once((worker, known_partition), (other_worker, known_partition))
    assert books.outcomes() == {"rated": 100}
    assert books.balance("acme") == -20


@pytest.mark.parametrize("booked_before", [0, 1], ids=["fresh partition", "known partition"])
def test_overlapping_records_taken_by_two_workers_at_once_count_once(worker, other_worker, topic, books, booked_before):
    worker.take(topic.append(*events(0, booked_before)))
    records = topic.append(*events(100, 160))
    taken = at_once((worker, records[:40]), (other_worker, records))
    assert sum(sum(metered.outcomes.values()) for metered in taken) == 60
    assert sum(metered.redelivered_records for metered in taken) == 40
    assert books.outcomes() == {"rated": booked_before + 60}
    assert books.rows("SELECT next_offset FROM partition_progress") == [(booked_before + 60,)]


def test_one_event_on_two_partitions_at_once_is_rated_once(worker, other_worker, topic, books):
    worker.take(topic.append(a_usage_event("x"), partition=0) + topic.append(a_usage_event("y"), partition=1))
    at_once(
        (worker, topic.append(*events(0, 100), partition=0)),
        (other_worker, topic.append(*reversed(events(0, 100)), partition=1)),
    )
    assert books.outcomes() == {"rated": 102, "duplicate": 100}


def test_workers_with_the_same_accounts_in_another_order_do_not_wait_in_a_circle(worker, other_worker, topic, books):
    ahead, behind = ("acme", "bolt"), ("bolt", "acme")
    for start in range(0, 200, 20):
        at_once(
            (worker, topic.append(*events(start, start + 10, subjects=ahead), partition=0)),
            (other_worker, topic.append(*events(start + 10, start + 20, subjects=behind), partition=1)),
        )
    assert books.outcomes() == {"rated": 200}
    assert books.balance("acme") == books.balance("bolt") == -20


def test_workers_with_different_accounts_book_side_by_side(worker, other_worker, topic, books):
    for start in range(0, 100, 10):
        at_once(
            (worker, topic.append(*events(start, start + 5, subjects=("acme",)), partition=0)),
            (other_worker, topic.append(*events(start + 5, start + 10, subjects=("bolt",)), partition=1)),
        )
    batches = [batch for (batch,) in books.rows("SELECT batch_id FROM batch")]
    assert len(set(batches)) == 20
    assert books.outcomes() == {"rated": 100}


def test_a_running_total_shared_by_two_workers_telescopes(worker, other_worker, topic, books):
    def calls(start, end):
        return [a_usage_event(f"call-{number}", type="voice.minutes", data={"quantity": 1}) for number in range(start, end)]

    at_once(
        (worker, topic.append(*calls(0, 75), partition=0)),
        (other_worker, topic.append(*calls(75, 150), partition=1)),
    )
    assert books.balance("acme") == -(100 + 40)
