"""Workers that receive one family at once take turns: each event is stored once, and nobody waits in a circle."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.builders_received import an_event, another_body

pytestmark = pytest.mark.engines


def at_once(*takings):
    with ThreadPoolExecutor(len(takings)) as threads:
        taken = [threads.submit(worker.take, records) for worker, records in takings]
        return [future.result() for future in taken]


def events(family, start, end):
    return [an_event(family, f"event-{number}") for number in range(start, end)]


def test_the_same_records_taken_by_two_workers_at_once_count_once(worker, other_worker, topic, books, family, stored):
    for start in range(0, 60, 20):
        records = topic.append(*events(family, start, start + 20))
        first, second = at_once((worker, records), (other_worker, records))
        assert first.redelivered_records + second.redelivered_records == 20
    assert len(stored()) == len(set(stored())) == 60
    assert books.outcomes() == {"accepted": 60}


def test_overlapping_records_taken_by_two_workers_at_once_count_once(worker, other_worker, topic, books, family):
    records = topic.append(*events(family, 0, 60))
    at_once((worker, records[:40]), (other_worker, records))
    assert books.outcomes() == {"accepted": 60}
    assert books.rows("SELECT next_offset FROM partition_progress") == [(60,)]


def test_one_event_on_two_partitions_at_once_is_stored_once(worker, other_worker, topic, books, family):
    ahead, behind = events(family, 0, 50), events(family, 0, 50)[::-1]
    at_once((worker, topic.append(*ahead, partition=0)), (other_worker, topic.append(*behind, partition=1)))
    assert books.outcomes() == {"accepted": 50, "duplicate": 50}


def test_two_bodies_under_one_id_at_once_are_one_event_and_one_conflict(worker, other_worker, topic, books, family):
    body, other = an_event(family, "a"), an_event(family, "a", **another_body(family))
    at_once((worker, topic.append(body, partition=0)), (other_worker, topic.append(other, partition=1)))
    assert books.outcomes() == {"accepted": 1, "conflict": 1}


def test_workers_with_the_partitions_in_another_order_do_not_wait_in_a_circle(worker, other_worker, topic, books, family):
    for start in range(0, 40, 4):
        low = topic.append(*events(family, start, start + 2), partition=0)
        high = topic.append(*events(family, start + 2, start + 4), partition=1)
        at_once((worker, low + high), (other_worker, high + low))
    assert books.outcomes() == {"accepted": 40}
