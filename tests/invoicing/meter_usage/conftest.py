"""Accounts on a plan, a topic, a worker, and books whose checks hold at the end of every test."""

import pytest

from tests.books import open_account, open_shop
from tests.metering_books import Books, Topic, Worker


@pytest.fixture
def books(database):
    """acme and bolt, postpaid in INR; every check of sql/checks/ holds when the test is over."""
    open_shop()
    open_account("acme")
    open_account("bolt")
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


@pytest.fixture
def topic():
    return Topic()


@pytest.fixture
def worker(books):
    worker = Worker()
    yield worker
    worker.store.close()


@pytest.fixture
def other_worker(books):
    worker = Worker("other")
    yield worker
    worker.store.close()
