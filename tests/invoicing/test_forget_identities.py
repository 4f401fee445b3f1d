"""Identities older than a retry can be are removed; nothing younger is, and the permanent key still knows the event."""

from datetime import timedelta

import pytest

from connectors import metering_wiring
from domain.errors import EngineUnavailable
from invoicing.forget_identities import KEPT, forget_identities
from tests.books import open_account, open_shop
from tests.builders_usage import RECEIVED_AT, a_usage_event
from tests.metering_books import Books, Topic, Worker

pytestmark = pytest.mark.engines


@pytest.fixture
def books(database):
    open_shop()
    open_account("acme")
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


@pytest.fixture
def worker(books):
    worker = Worker()
    yield worker
    worker.store.close()


def test_only_identities_older_than_they_are_kept_go_in_however_many_slices(worker, books):
    topic = Topic()
    worker.take(topic.append(*(a_usage_event(f"old-{number}") for number in range(25))))
    worker.take(topic.append(a_usage_event("young"), received_at=RECEIVED_AT + timedelta(seconds=1)))
    identities = metering_wiring.identities()
    assert forget_identities(identities, now=RECEIVED_AT + KEPT, limit=10) == 0
    assert forget_identities(identities, now=RECEIVED_AT + KEPT + timedelta(seconds=1), limit=10) == 25
    assert books.count("event_key") == 1


def test_a_forgotten_identity_with_the_same_time_is_still_a_duplicate_and_with_another_time_a_new_event(worker, books):
    topic = Topic()
    worker.take(topic.append(a_usage_event("event-1")))
    later = RECEIVED_AT + KEPT + timedelta(hours=1)
    forget_identities(metering_wiring.identities(), now=later)
    worker.take(topic.append(a_usage_event("event-1"), received_at=later))
    assert books.outcomes() == {"rated": 1, "duplicate": 1}
    worker.take(topic.append(a_usage_event("event-1", time="2026-10-15T13:00:00Z"), received_at=later))
    assert books.outcomes() == {"rated": 2, "duplicate": 1}


def test_a_database_that_does_not_answer_is_one_sentence(monkeypatch):
    identities = metering_wiring.identities()
    identities._dsn = "postgresql://billing@127.0.0.1:1/billing"
    with pytest.raises(EngineUnavailable, match="PostgreSQL does not answer"):
        forget_identities(identities, now=RECEIVED_AT)
