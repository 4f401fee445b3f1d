"""For each family: a topic, workers that receive from it, and books whose checks hold at the end of every test."""

from collections.abc import Sequence

import pytest

from connectors import receiving_wiring
from domain.receiving import Family
from invoicing.receive_events import Receipt, ReceiveEvents
from invoicing.records import Record
from tests.builders_received import FamilyTopic
from tests.metering_books import Books


class Receiver:
    """One worker that receives a family."""

    def __init__(self, family: Family, name: str = "worker") -> None:
        self.family = family
        self.store = receiving_wiring.receiving_store(family, name)
        self.receiving: ReceiveEvents = receiving_wiring.receiving(family, self.store)

    def take(self, records: Sequence[Record]) -> Receipt:
        """Receive records."""
        return self.receiving.receive(records)


@pytest.fixture(params=list(Family))
def family(request) -> Family:
    return request.param


@pytest.fixture
def topic(family):
    return FamilyTopic(family)


@pytest.fixture
def books(database):
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


@pytest.fixture
def worker(books, family):
    worker = Receiver(family)
    yield worker
    worker.store.close()


@pytest.fixture
def other_worker(books, family):
    worker = Receiver(family, "other")
    yield worker
    worker.store.close()


@pytest.fixture
def stored(books, family):
    """Ids of the stored events, in the order they were stored."""
    table = f"{family.value}_event"
    return lambda: [event_id for (event_id,) in books.rows(f"SELECT event_id FROM {table} ORDER BY {table}_id")]
