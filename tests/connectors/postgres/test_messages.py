"""Saved messages with several who could send them: one is in charge, and the others take over when it lets them wait."""

import time
from contextlib import ExitStack
from datetime import timedelta

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
    """Keeps what it was sent, in order, and who is in charge."""

    def __init__(self):
        self.sent, self.in_charge = [], None


class Sender:
    """One who sends, as long as nobody else takes charge."""

    def __init__(self, topic, meanwhile=None):
        self._topic, self._meanwhile = topic, meanwhile

    @property
    def in_charge(self):
        return self._topic.in_charge is self

    def take_charge(self):
        self._topic.in_charge = self

    def send(self, messages):
        if self._meanwhile:
            self._meanwhile()
        if not self.in_charge:
            raise EngineUnavailable("another sends")
        self._topic.sent += [message.type for message in messages]


@pytest.fixture
def stores(database):
    with ExitStack() as stack:
        made = [
            PostgresMessages(settings().postgres_dsn, clock=clock.now, stands_still_ms=STANDS_STILL_MS) for _ in range(2)
        ]
        for store in made:
            stack.callback(store.close)
        yield made


def save(database, *statuses, age_seconds=5):
    with database.begin() as connection:
        for status in statuses:
            connection.execute(
                text(
                    "INSERT INTO outbox_message (topic, key, type, subject, data, created_at) "
                    "VALUES ('account.status', 'acme', :type, 'acme', '{}', now() - make_interval(secs => :age))"
                ),
                {"type": status, "age": age_seconds},
            )


def test_who_is_not_in_charge_sends_only_what_the_one_in_charge_lets_wait(database, stores):
    topic, store = Topic(), stores[0]
    save(database, "fresh", age_seconds=0)
    assert relay_outbox(store, Sender(topic)) == 0
    with database.begin() as connection:
        connection.execute(text("UPDATE outbox_message SET created_at = now() - interval '5 seconds'"))
    assert relay_outbox(store, Sender(topic)) == 1
    assert topic.sent == ["fresh"]


def test_a_message_saved_before_the_clock_stepped_back_does_not_wait_until_it_has_caught_up(database, stores):
    save(database, "from the future", age_seconds=-3600)
    assert relay_outbox(stores[0], Sender(Topic())) == 1


def test_who_is_in_charge_sends_at_once(database, stores):
    topic, store = Topic(), stores[0]
    sender = Sender(topic)
    sender.take_charge()
    save(database, "fresh", age_seconds=-1)
    assert relay_outbox(store, sender) == 1


def test_whoever_wakes_in_the_middle_of_sending_when_another_has_sent_is_refused_and_nothing_is_lost(database, stores):
    slow, other = stores
    topic = Topic()
    save(database, "grace")

    def stand_still():
        time.sleep(STANDS_STILL_MS * 3 / 1000)
        save(database, "active")
        assert relay_outbox(other, Sender(topic)) == 2

    with pytest.raises(EngineUnavailable):
        relay_outbox(slow, Sender(topic, stand_still))
    assert topic.sent == ["grace", "active"]
    assert relay_outbox(slow, Sender(topic)) == 0


def test_what_was_sent_and_not_marked_is_sent_again(database, stores):
    slow, other = stores
    topic = Topic()
    save(database, "grace")
    with pytest.raises(EngineUnavailable):
        relay_outbox(slow, Sender(topic, lambda: time.sleep(STANDS_STILL_MS * 3 / 1000)))
    save(database, "suspended")
    relay_outbox(other, Sender(topic))
    assert topic.sent == ["grace", "grace", "suspended"]


def test_nothing_waits_where_everything_is_sent(stores):
    assert not stores[0].waits(longer_than=timedelta(0))


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
