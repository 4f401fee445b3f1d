"""Saved messages whose sender stands still: another takes its turn, and the last status is what the topic ends with."""

import time
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from connectors import clock
from connectors.postgres.messages import PostgresMessages
from connectors.postgres.wallet_watch import PostgresWalletWatch
from connectors.settings import settings
from domain.errors import EngineUnavailable
from invoicing.relay_outbox import relay_outbox

pytestmark = pytest.mark.engines
STANDS_STILL_MS = 100


class Topic:
    """Keeps what it was sent, in order."""

    def __init__(self):
        self.sent = []

    def send(self, messages):
        self.sent += [(message.topic, message.key, message.type) for message in messages]


@pytest.fixture
def stores(database):
    with ExitStack() as stack:
        made = [
            PostgresMessages(settings().postgres_dsn, clock=clock.now, stands_still_ms=STANDS_STILL_MS) for _ in range(2)
        ]
        for store in made:
            stack.callback(store.close)
        yield made


def save(database, *statuses, topic="account.status"):
    with database.begin() as connection:
        for status in statuses:
            connection.execute(
                text(
                    "INSERT INTO outbox_message (topic, key, type, subject, data, created_at) "
                    "VALUES (:topic, 'acme', :type, 'acme', '{}', now())"
                ),
                {"topic": topic, "type": status},
            )


def stand_still(store, topic, meanwhile):
    """Read, stand still until another has sent the same and more, and only then send."""

    class Slow:
        def send(self, messages):
            time.sleep(STANDS_STILL_MS * 3 / 1000)
            meanwhile()
            topic.send(messages)

    with pytest.raises(EngineUnavailable):
        relay_outbox(store, Slow())


def test_after_a_sender_that_stood_still_the_topic_ends_with_the_last_status(database, stores):
    slow, other = stores
    topic = Topic()
    save(database, "grace")

    def meanwhile():
        save(database, "active")
        relay_outbox(other, topic)

    stand_still(slow, topic, meanwhile)
    assert topic.sent[-1][2] == "grace", "that is what it put after the newer one"
    relay_outbox(slow, topic)

    assert [status for _, _, status in topic.sent] == ["grace", "active", "grace", "active"]
    assert relay_outbox(slow, topic) == 0


def test_what_is_not_sent_yet_comes_after_the_last_status_that_was(database, stores):
    slow, other = stores
    topic = Topic()
    save(database, "grace")
    stand_still(slow, topic, lambda: relay_outbox(other, topic))
    save(database, "suspended")

    relay_outbox(slow, topic)

    assert [status for _, _, status in topic.sent][-2:] == ["grace", "suspended"]


def test_other_topics_keep_every_record_and_are_not_told_again(database, stores):
    slow, other = stores
    topic = Topic()
    save(database, "alert", topic="wallet.alerts")
    stand_still(slow, topic, lambda: relay_outbox(other, topic))

    assert relay_outbox(slow, topic) == 0


def test_a_watcher_that_stood_still_in_its_transaction_only_tries_again(database):
    store = PostgresWalletWatch(settings().postgres_dsn)

    def look_slowly():
        with store.begin() as transaction:
            transaction._connection.execute(f"SET idle_in_transaction_session_timeout = '{STANDS_STILL_MS}ms'")
            time.sleep(STANDS_STILL_MS * 3 / 1000)
            transaction.to_look_at(now=clock.now(), limit=1)

    with pytest.raises(EngineUnavailable):
        look_slowly()
    with store.begin() as transaction:
        assert transaction.to_look_at(now=clock.now(), limit=1) == []
    store.close()
