"""A producer sends again: what is a duplicate, what is new, what is a conflict (DESIGN §3.2)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.metering import Outcome
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, a_usage_event, an_array

pytestmark = pytest.mark.engines

LATER = RECEIVED_AT + timedelta(hours=23, minutes=59)
NEXT_DAY = RECEIVED_AT + timedelta(hours=24)
SMS_PRICE = Decimal("0.20")


def test_an_event_is_rated_and_debited(worker, topic, books):
    metered = worker.take(topic.append(a_usage_event()))
    assert metered.outcomes[Outcome.RATED] == 1
    assert books.outcomes() == {"rated": 1}
    assert books.balance("acme") == -SMS_PRICE
    assert [balance.balance_micros for balance in metered.balances] == [-200_000]


def test_a_retry_is_not_charged_twice(worker, topic, books):
    worker.take(topic.append(a_usage_event()))
    metered = worker.take(topic.append(a_usage_event()))
    assert (metered.outcomes[Outcome.DUPLICATE], metered.outcomes[Outcome.RATED]) == (1, 0)
    assert books.balance("acme") == -SMS_PRICE


def test_a_retry_in_the_same_batch_and_in_the_same_record_is_not_charged_twice(worker, topic, books):
    worker.take(topic.append(an_array(a_usage_event(), a_usage_event()), a_usage_event()))
    assert books.outcomes() == {"rated": 1, "duplicate": 2}
    assert books.balance("acme") == -SMS_PRICE


def test_a_retry_on_another_partition_is_not_charged_twice(worker, topic, books):
    worker.take(topic.append(a_usage_event(), partition=0))
    worker.take(topic.append(a_usage_event(), partition=1))
    assert books.outcomes() == {"rated": 1, "duplicate": 1}


def test_a_retry_with_another_time_within_24_hours_is_a_duplicate(worker, topic, books):
    worker.take(topic.append(a_usage_event()))
    worker.take(topic.append(a_usage_event(at=HAPPENED_AT + timedelta(hours=1)), received_at=LATER))
    assert books.outcomes() == {"rated": 1, "duplicate": 1}


def test_after_24_hours_the_same_id_and_time_is_still_a_duplicate(worker, topic, books):
    worker.take(topic.append(a_usage_event()))
    worker.take(topic.append(a_usage_event(), a_usage_event("event-2"), received_at=NEXT_DAY))
    assert books.outcomes() == {"rated": 2, "duplicate": 1}
    worker.take(topic.append(a_usage_event(), received_at=NEXT_DAY + timedelta(days=30)))
    assert books.outcomes() == {"rated": 2, "duplicate": 2}
    assert books.balance("acme") == -2 * SMS_PRICE


def test_after_24_hours_the_same_id_with_another_time_is_a_new_event(worker, topic, books):
    worker.take(topic.append(a_usage_event()))
    again = a_usage_event(at=HAPPENED_AT + timedelta(hours=24))
    worker.take(topic.append(again, received_at=NEXT_DAY))
    assert books.outcomes() == {"rated": 2}
    worker.take(topic.append(again, a_usage_event(), received_at=NEXT_DAY))
    assert books.outcomes() == {"rated": 2, "duplicate": 2}


def test_the_same_id_with_another_body_is_a_conflict_and_is_kept(worker, topic, books):
    changed = a_usage_event(data={"quantity": 2, "channel": "sms"})
    worker.take(topic.append(a_usage_event()))
    worker.take(topic.append(b"[" + changed + b"]"))
    assert books.outcomes() == {"rated": 1, "conflict": 1}
    assert books.balance("acme") == -SMS_PRICE
    kept = books.rows("SELECT source, event_id, partition, record_offset, index_in_record, payload FROM conflicting_event")
    assert [(*row[:5], bytes(row[5])) for row in kept] == [("/otpless/core", "event-1", 0, 1, 0, changed)]


def test_how_records_fall_into_batches_does_not_decide_what_is_new_after_a_day(worker, topic, books):
    again = a_usage_event(at=HAPPENED_AT + timedelta(hours=24))
    others = [a_usage_event(f"event-{number}") for number in range(100, 105)]
    worker.take(topic.append(a_usage_event(), *others) + topic.append(again, received_at=NEXT_DAY))
    assert books.outcomes() == {"rated": 7}


def test_after_24_hours_another_body_under_the_same_id_and_time_is_a_conflict(worker, topic, books):
    worker.take(topic.append(a_usage_event()))
    worker.take(topic.append(a_usage_event(data={"quantity": 2, "channel": "sms"}), received_at=NEXT_DAY))
    assert books.outcomes() == {"rated": 1, "conflict": 1}


def test_after_24_hours_a_retry_of_what_was_booked_stays_a_duplicate_when_a_conflict_came_between(worker, topic, books):
    worker.take(topic.append(a_usage_event()))
    worker.take(topic.append(a_usage_event(data={"quantity": 2, "channel": "sms"}), received_at=NEXT_DAY))
    worker.take(topic.append(a_usage_event(), received_at=NEXT_DAY))
    assert books.outcomes() == {"rated": 1, "conflict": 1, "duplicate": 1}


def test_the_same_id_from_another_source_is_another_event(worker, topic, books):
    worker.take(topic.append(a_usage_event(), a_usage_event(source="/otpless/other")))
    assert books.outcomes() == {"rated": 2}


def test_a_dead_letter_is_stored_with_its_bytes_and_does_not_use_up_its_id(worker, topic, books):
    broken = a_usage_event(data={"quantity": -1})
    worker.take(topic.append(b"not json \xff\x00", an_array(a_usage_event("event-2"), broken)))
    worker.take(topic.append(a_usage_event()))
    assert books.outcomes() == {"rated": 2, "dead_lettered": 2}
    stored = books.rows(
        "SELECT record_offset, index_in_record, reason, payload, detail FROM dead_letter ORDER BY dead_letter_id"
    )
    assert {(offset, index, reason, bytes(payload)) for offset, index, reason, payload, _ in stored} == {
        (0, None, "not_json", b"not json \xff\x00"),
        (1, 1, "quantity", broken),
    }
    assert all(detail for *_, detail in stored)


def test_hostile_text_can_be_stored_wherever_it_is_quoted(worker, topic, books):
    refused = [
        a_usage_event("a", data={"x\0y": []}),
        a_usage_event("b", type="\u202e\x07" * 60),
        a_usage_event("c", specversion="1\0"),
    ]
    rated = [a_usage_event("d\u202e'\";--", data={"channel": "sms", "note": "\0\x01'\";--\\"})]
    worker.take(topic.append(*refused, *rated))
    assert books.outcomes() == {"rated": 1, "dead_lettered": 3}
