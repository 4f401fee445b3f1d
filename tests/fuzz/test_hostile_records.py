"""From a record's bytes to its outcomes: whatever is sent, every event is counted as one kind and nothing escapes."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.kafka.usage_events import decode_records
from domain.metering import Outcome, Total, prepare, settle
from tests.books import open_account, open_shop
from tests.builders_usage import WINDOW, a_config, a_record
from tests.fuzz.hostile_records import records
from tests.law_examples import examples
from tests.metering_books import Books, Topic, Worker

CONFIG = a_config()


@settings(max_examples=examples(400))
@given(st.lists(records, max_size=5), st.sampled_from(["nothing", "same", "other"]), st.integers(0, 2**62))
def test_every_event_of_a_record_is_counted_as_one_kind(values, booked, quantity):
    events, dead = decode_records([a_record(value, offset) for offset, value in enumerate(values)])
    prepared = prepare(events, CONFIG, WINDOW)
    prepared.dead_letters.extend(dead)
    known = {}
    if booked != "nothing":
        known = {item.event.key: item.event.body_digest if booked == "same" else bytes(16) for item in events[::2]}
    totals = {usage.total_key: Total(quantity % 10**15, quantity % 10**15, 1) for usage in prepared.usages()}

    settled = settle(prepared, known, totals)

    counted = sum(settled.counts().values(), start=Counter())
    assert sum(counted.values()) == len(events) + len(dead)
    assert set(counted) <= set(Outcome)
    assert len(events) + len(dead) >= len(values)
    assert sum(settled.debits.values()) == sum(usage.amount_micros for usage in settled.rated)
    for letter in settled.dead_letters:
        assert letter.reason
        assert 0 < len(letter.detail) <= 500


@pytest.mark.engines
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(values=st.lists(records, min_size=1, max_size=5))
def test_the_books_take_whatever_comes_of_any_record(shop, values):
    worker, topic, books = shop
    before = sum(books.outcomes().values())
    metered = worker.take(topic.append(*values))
    assert sum(books.outcomes().values()) - before == sum(metered.outcomes.values()) >= len(values)


@pytest.fixture
def shop(database):
    """A worker, its topic and its books, with one account."""
    open_shop()
    open_account("acme")
    worker = Worker()
    yield worker, Topic(), Books(database)
    worker.store.close()
