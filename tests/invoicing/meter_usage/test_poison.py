"""Poison: one event that cannot be booked for a reason nobody foresaw becomes a dead letter, and blocks nothing."""

from contextlib import contextmanager
from decimal import Decimal

import pytest

from connectors import wiring
from domain.errors import EngineUnavailable
from domain.metering import Outcome
from invoicing import poison
from invoicing.administer import publish_plan
from tests.books import AUTHOR, a_plan, open_account
from tests.builders_usage import a_usage_event

pytestmark = pytest.mark.engines


@pytest.fixture
def bolt_is_full(worker, topic, books, database):
    """The running total of bolt is at the end of what a bigint holds: its next event cannot be added."""
    worker.take(topic.append(a_usage_event("first", subject="bolt", data={"quantity": 0, "channel": "sms"})))
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE usage_total SET quantity_millionths = 9223372036854775807")
    yield
    with database.begin() as connection:  # the checks of the fixture `books` look at it afterwards
        connection.exec_driver_sql("UPDATE usage_total SET quantity_millionths = 0 WHERE quantity_millionths > 1e18")


def letters(books):
    return books.rows("SELECT record_offset, index_in_record, reason FROM dead_letter ORDER BY 1, 2")


def test_of_many_records_only_the_poison_becomes_a_dead_letter(worker, topic, books, bolt_is_full):
    good = [a_usage_event(f"event-{number}") for number in range(40)]
    records = topic.append(*good[:17], a_usage_event("poison", subject="bolt"), *good[17:])
    metered = worker.take(records)
    assert metered.outcomes[Outcome.RATED] == 40
    assert metered.outcomes[Outcome.DEAD_LETTERED] == 1
    assert letters(books) == [(18, 0, "unbookable")]
    assert books.balance("acme") == -8
    assert books.rows("SELECT next_offset FROM partition_progress") == [(42,)]


def test_of_an_array_only_the_poison_becomes_a_dead_letter(worker, topic, books, bolt_is_full):
    members = [a_usage_event("one"), a_usage_event("poison", subject="bolt"), a_usage_event("two"), b'{"broken": 1}']
    worker.take(topic.append(b"[" + b",".join(members) + b"]"))
    assert [place[:2] for place in letters(books)] == [(1, 1), (1, 3)]
    assert books.outcomes() == {"rated": 3, "dead_lettered": 2}
    assert books.balance("acme") == Decimal("-0.4")


def test_the_dead_letter_says_what_happened_and_keeps_the_bytes(worker, topic, books, bolt_is_full):
    event = a_usage_event("poison", subject="bolt")
    worker.take(topic.append(event))
    ((detail, payload),) = books.rows("SELECT detail, payload FROM dead_letter")
    assert "cannot be booked (TooLarge: bigint out of range)" in detail
    assert bytes(payload) == event


def test_poison_taken_again_is_known_by_its_offset(worker, topic, books, bolt_is_full):
    records = topic.append(a_usage_event("poison", subject="bolt"), a_usage_event("good"))
    worker.take(records)
    worker.restart()
    assert worker.take(records).redelivered_records == 2
    assert len(letters(books)) == 1


def test_an_identity_that_was_poison_is_not_claimed(worker, topic, books, bolt_is_full):
    worker.take(topic.append(a_usage_event("poison", subject="bolt")))
    worker.take(topic.append(a_usage_event("poison", subject="acme")))
    assert books.outcomes() == {"rated": 2, "dead_lettered": 1}


def test_what_cannot_even_be_decoded_for_a_reason_nobody_foresaw_is_a_dead_letter(worker, topic, books):
    decode = worker.metering.decode

    def decode_or_fail(records):
        records = list(records)
        if any(b"unforeseen" in record.value for record in records):
            raise ZeroDivisionError("a fault in the decoder")
        return decode(records)

    worker.metering.decode = decode_or_fail
    worker.take(topic.append(a_usage_event("a"), a_usage_event("unforeseen"), a_usage_event("b")))
    assert letters(books) == [(1, None, "unbookable")]
    assert books.outcomes() == {"rated": 2, "dead_lettered": 1}


def test_when_event_after_event_is_poison_the_fault_is_ours_and_it_is_raised(worker, topic, books, monkeypatch):
    monkeypatch.setattr(poison, "IN_A_ROW_MAX", 3)

    def decode(records):
        if list(records):
            raise ZeroDivisionError("a fault in the decoder")
        return [], []

    worker.metering.decode = decode
    with pytest.raises(ZeroDivisionError):
        worker.take(topic.append(*(a_usage_event(f"event-{number}") for number in range(10))))
    assert len(letters(books)) == 3


def test_a_total_that_is_full_holds_up_nobody_however_many_events_come_for_it(
    worker, topic, books, bolt_is_full, monkeypatch
):
    monkeypatch.setattr(poison, "IN_A_ROW_MAX", 3)
    full = [a_usage_event(f"poison-{number}", subject="bolt") for number in range(10)]
    worker.take(topic.append(*full, a_usage_event("good")))
    assert books.outcomes() == {"rated": 2, "dead_lettered": 10}


def test_an_amount_larger_than_the_books_hold_is_poison_like_a_total_that_is_full(worker, topic, books, monkeypatch):
    monkeypatch.setattr(poison, "IN_A_ROW_MAX", 1)
    vast = {"model": "package", "package_size": "0.000001", "package_price": "10000000000"}
    charge = {"meter": "otp.delivered", "description": "OTP", "sac": "998319", "unit": "message", "price": vast}
    publish_plan(wiring.administration(), a_plan() | {"charges": [charge]}, author=AUTHOR)
    open_account("vast")
    worker.take(topic.append(*(a_usage_event(f"event-{number}", subject="vast") for number in range(3))))
    assert books.outcomes() == {"dead_lettered": 3}
    assert "TooLarge" in books.rows("SELECT detail FROM dead_letter")[0][0]


def test_a_database_that_does_not_answer_is_never_an_events_fault(worker, topic, books):
    class Store:
        def __init__(self, store):
            self.config = store.config

        @contextmanager
        def begin(self):
            raise EngineUnavailable("PostgreSQL does not answer")
            yield

    records = topic.append(a_usage_event("a"), a_usage_event("b"))
    worker.metering.store = Store(worker.store)
    with pytest.raises(EngineUnavailable):
        worker.take(records)
    worker.metering.store = worker.store
    worker.take(records)
    assert books.outcomes() == {"rated": 2}
