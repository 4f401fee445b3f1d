"""Receiving: every event of both families is stored and handed over exactly once, and every record is accounted for."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connectors import clock, receiving_wiring
from connectors.postgres.receiving import PostgresReceivingStore
from domain.errors import EngineUnavailable
from domain.receiving import Family
from invoicing.receive_events import ReceiveEvents
from tests.builders_received import FamilyTopic, a_document, an_event, another_body
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, an_array
from tests.metering_books import DyingStore, KilledBeforeCommit

pytestmark = pytest.mark.engines


class HandlerThatCounts:
    """Remembers what it was handed, also by transactions that rolled back."""

    def __init__(self, handled_as="counted"):
        self.handed = []
        self._handled_as = handled_as

    def handle(self, received, transaction):
        self.handed.append(received.event.id)
        return self._handled_as


class HandlerThatFails:
    """Cannot handle anything."""

    def handle(self, received, transaction):
        raise KeyError(received.event.id)


def handing_to(worker, handler, store=None):
    return ReceiveEvents(store or worker.store, worker.receiving.decode, handler)


# Stored once


def test_an_event_is_stored_with_its_payload_origin_times_identity_and_what_became_of_it(worker, topic, books, family):
    event = an_event(family, "event-1")
    worker.take(topic.append(b"[%b,%b]" % (an_event(family, "event-0"), event)))

    table = f"{family.value}_event"
    facts = "payload, topic, partition, record_offset, index_in_record, event_time, received_at, event_id, handled_as"
    (row,) = books.rows(f"SELECT {facts} FROM {table} WHERE event_id = 'event-1'")
    handled_as = "received" if family is Family.PAYMENT else "refused"  # there is no account acme
    assert row == (event, topic.name, 0, 0, 1, HAPPENED_AT, RECEIVED_AT, "event-1", handled_as)
    assert books.outcomes() == {"accepted": 2}


@pytest.mark.parametrize("family", [Family.PAYMENT], indirect=True)
def test_a_payment_can_be_found_by_what_the_gateway_calls_it(worker, topic, books):
    worker.take(topic.append(an_event(Family.PAYMENT)))
    found = books.rows("SELECT gateway, reference, amount_minor, currency, subject, type FROM payment_event")
    assert found == [("razorpay", "pay_29QQoUBi66xm2f", 118_000, "INR", "acme", "payment.captured")]


@pytest.mark.parametrize("family", [Family.CONFIG], indirect=True)
def test_the_data_of_a_config_event_is_kept_as_it_came_down_to_the_last_decimal(worker, topic, books):
    data = b'{"prices": [{"unit_price": 0.10, "when": {"channel": "sms"}}], "name": "\\u20b9 plan", "none": null}'
    event = an_event(Family.CONFIG, type="plan.published", data={"here": 1}).replace(b'{"here": 1}', data)
    worker.take(topic.append(event))
    assert books.rows("SELECT data #>> '{prices,0,unit_price}', data ->> 'name', data -> 'none' FROM config_event") == [
        ("0.10", "₹ plan", None)
    ]


def test_whatever_the_decoder_takes_can_be_stored(worker, topic, books, family):
    texts = ["", "₹ संदेश 😀", "\\u0000", "\"'\n\x01\x7f\ufffe\uffff", "x" * 256, "nan", "{}"]
    numbers = [b"-9223372036854775808", b"9223372036854775807", b"1e18", b"-0.0", b"1e-38", b"0." + b"1" * 38, b"0e-9"]
    data = a_document(family)["data"]
    events = [an_event(family, f"text-{n}", data={**data, value: value}) for n, value in enumerate(texts)]
    events += [
        an_event(family, f"number-{n}", data={**data, "n": -77}).replace(b"-77", value) for n, value in enumerate(numbers)
    ]
    events += [an_event(family, name, source=name, subject=name[:128]) for name in ("😀" * 256, "'; --", "\x01\ud7ff")]
    worker.take(topic.append(*events))
    assert books.outcomes() == {"accepted": len(events)}


def test_the_same_id_is_a_duplicate_whatever_its_time_says(worker, topic, books, family, stored):
    later = (HAPPENED_AT - timedelta(hours=3)).isoformat()
    worker.take(topic.append(an_event(family, "a"), an_event(family, "a"), partition=0))
    worker.take(topic.append(an_event(family, "a", time=later), partition=1))
    assert stored() == ["a"]
    assert books.outcomes() == {"accepted": 1, "duplicate": 2}


def test_the_same_id_of_another_source_is_another_event(worker, topic, stored, family):
    worker.take(topic.append(an_event(family, "a"), an_event(family, "a", source="/elsewhere")))
    assert stored() == ["a", "a"]


@pytest.mark.parametrize("size", [3, 1], ids=["in one batch", "one by one"])
def test_the_same_id_with_another_body_is_a_conflict_that_is_kept_and_never_handed_over(
    worker, topic, books, family, stored, size
):
    handler = HandlerThatCounts()
    receiving = handing_to(worker, handler)
    other = an_event(family, "a", **another_body(family))
    records = topic.append(an_event(family, "a"), other, an_event(family, "a"))
    for start in range(0, 3, size):
        receiving.receive(records[start : start + size])

    assert (handler.handed, stored()) == (["a"], ["a"])
    assert books.outcomes() == {"accepted": 1, "duplicate": 1, "conflict": 1}
    assert books.rows("SELECT event_id, payload, topic FROM conflicting_event") == [("a", other, topic.name)]


def test_a_bad_event_in_an_array_takes_only_itself_away(worker, topic, books, family, stored):
    good, bad = an_event(family, "good"), an_event(family, "bad", type="no.such.type")
    worker.take(topic.append(an_array(good, bad), b"{"))
    assert stored() == ["good"]
    assert books.outcomes() == {"accepted": 1, "dead_lettered": 2}
    assert books.rows("SELECT topic, reason, index_in_record, payload FROM dead_letter ORDER BY dead_letter_id") == [
        (topic.name, "unknown_type", 1, bad),
        (topic.name, "not_json", None, b"{"),
    ]


def test_a_refused_event_does_not_use_up_its_id(worker, topic, stored, family):
    worker.take(topic.append(an_event(family, "a", type="no.such.type")))
    worker.take(topic.append(an_event(family, "a")))
    assert stored() == ["a"]


def test_the_families_do_not_share_identities(books):
    for each in Family:
        store = receiving_wiring.receiving_store(each, "worker")
        receiving_wiring.receiving(each, store).receive(FamilyTopic(each).append(an_event(each, "a", source="/same")))
        store.close()
    assert books.outcomes() == {"accepted": 2}


# Redelivery and death


def test_a_redelivered_record_is_told_from_a_duplicate_and_handed_over_once(worker, topic, books, family):
    handler = HandlerThatCounts()
    receiving = handing_to(worker, handler)
    records = topic.append(an_event(family, "a"), an_event(family, "b"))
    receiving.receive(records)

    again = receiving.receive(records)
    overlapping = receiving.receive([*records, *topic.append(an_event(family, "c"))])

    assert (again.redelivered_records, dict(again.outcomes)) == (2, {})
    assert overlapping.redelivered_records == 2
    assert handler.handed == ["a", "b", "c"]
    assert books.outcomes() == {"accepted": 3}
    assert books.rows("SELECT first_offset, next_offset, received FROM batch_range ORDER BY 1") == [(0, 2, 2), (2, 3, 1)]


def test_a_worker_killed_before_its_commit_leaves_nothing_and_the_next_stores_everything(
    worker, topic, books, family, stored
):
    records = topic.append(an_event(family, "a"), an_event(family, "a", **another_body(family)), b"{")
    dying = handing_to(worker, HandlerThatCounts(), FamilyDyingStore(worker.store))
    with pytest.raises(KilledBeforeCommit):
        dying.receive(records)
    assert (stored(), books.count("batch"), books.count("dead_letter"), books.count("partition_progress")) == ([], 0, 0, 0)

    worker.take(records)
    assert stored() == ["a"]
    assert books.outcomes() == {"accepted": 1, "conflict": 1, "dead_lettered": 1}


def test_a_commit_whose_answer_was_lost_is_found_by_the_repetition(worker, topic, books, family):
    class AnswerLost:
        @contextmanager
        def begin(self):
            with worker.store.begin() as transaction:
                yield transaction
            raise EngineUnavailable("PostgreSQL does not answer")

    handler = HandlerThatCounts()
    records = topic.append(an_event(family, "a"))
    with pytest.raises(EngineUnavailable):
        handing_to(worker, handler, AnswerLost()).receive(records)
    assert handing_to(worker, handler).receive(records).redelivered_records == 1
    assert handler.handed == ["a"]
    assert books.outcomes() == {"accepted": 1}


def test_what_the_handler_says_is_stored_and_what_it_cannot_handle_is_not(worker, topic, books, family, stored):
    records = topic.append(an_event(family, "a"))
    with pytest.raises(KeyError):
        handing_to(worker, HandlerThatFails()).receive(records)
    assert (stored(), books.count("batch")) == ([], 0)

    handing_to(worker, HandlerThatCounts("done")).receive(records)
    assert books.rows(f"SELECT handled_as FROM {family.value}_event") == [("done",)]


def test_a_lost_connection_is_one_sentence_and_the_next_call_has_another(worker, topic, database, family, stored):
    class LosingTheConnection:
        def handle(self, received, transaction):
            with database.begin() as connection:
                others = "pid <> pg_backend_pid() AND datname = current_database() AND state = 'idle in transaction'"
                connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
            return "received"

    records = topic.append(an_event(family, "a"))
    with pytest.raises(EngineUnavailable, match=r"PostgreSQL does not answer \(.*\): see `make status`"):
        handing_to(worker, LosingTheConnection()).receive(records)
    worker.take(records)
    assert stored() == ["a"]


def test_a_server_that_does_not_answer_is_one_sentence(worker, topic, family):
    nobody = PostgresReceivingStore("postgresql://billing@127.0.0.1:1/billing", family, worker="w", clock=clock.now)
    with pytest.raises(EngineUnavailable, match=r"PostgreSQL does not answer \(.*\): see `make status`"):
        handing_to(worker, HandlerThatCounts(), nobody).receive(topic.append(an_event(family)))


# What the database refuses


@pytest.mark.parametrize("change", ["UPDATE {} SET handled_as = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_received_is_append_only(worker, topic, database, family, change):
    worker.take(topic.append(an_event(family)))
    table = f"{family.value}_event"
    with pytest.raises(IntegrityError, match=f"{table} is append-only"), database.begin() as connection:
        connection.execute(text(change.format(table)))


def test_a_range_that_does_not_add_up_is_refused(worker, topic, database, family):
    worker.take(topic.append(an_event(family)))
    with pytest.raises(IntegrityError, match="batch_range_conserves"), database.begin() as connection:
        connection.execute(text("UPDATE batch_range SET accepted = 0"))


class FamilyDyingStore(DyingStore):
    """A receiving store whose transactions write everything and end before they commit."""

    def __init__(self, store) -> None:
        self._store = store
