"""Answers to config events on their way out: in their order, once, and again when the publisher died."""

import pytest

from connectors import metering_wiring
from invoicing.publish_results import publish_next
from tests.books import open_shop
from tests.builders_config import Configuring, a_customer_created, an_account_opened
from tests.metering_books import Books, KilledBeforeCommit

pytestmark = pytest.mark.engines


@pytest.fixture(name="books")
def _books(database):
    open_shop()
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


@pytest.fixture(name="config")
def _config(books):
    config = Configuring()
    yield config
    config.store.close()


class TopicThatRemembers:
    """Takes answers, and may die before it says so."""

    def __init__(self, dies=False):
        self.sent = []
        self._dies = dies

    def send(self, results):
        self.sent += results
        if self._dies:
            raise KilledBeforeCommit


def test_answers_are_published_in_their_order_once_and_forgotten(books, config):
    config.apply(a_customer_created(), a_customer_created(email="x"), an_account_opened())
    waiting, topic = metering_wiring.config_results(), TopicThatRemembers()
    assert [publish_next(waiting, topic, results_max=2) for _ in range(3)] == [2, 1, None]
    waiting.close()
    assert [(result.type, result.outcome) for result in topic.sent] == [
        ("customer.created", "applied"),
        ("customer.created", "refused"),
        ("account.opened", "applied"),
    ]
    assert topic.sent[0].facts == {"version": 1}
    assert topic.sent[1].code == "invalid_input"


def test_a_publisher_killed_after_sending_sends_again_under_the_same_identity(books, config):
    config.apply(a_customer_created())
    waiting = metering_wiring.config_results()
    dying, next_one = TopicThatRemembers(dies=True), TopicThatRemembers()
    with pytest.raises(KilledBeforeCommit):
        publish_next(waiting, dying, results_max=10)
    assert publish_next(waiting, next_one, results_max=10) == 1
    waiting.close()
    assert dying.sent == next_one.sent
