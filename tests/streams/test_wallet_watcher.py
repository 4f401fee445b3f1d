"""The watcher as a process: what a wallet's movement leads to reaches Redis and the topic, also when it is killed."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from decimal import Decimal

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import text

from connectors import clock, metering_wiring, wiring
from connectors.settings import PROJECT_ROOT, child_environment, settings
from domain.errors import EngineUnavailable
from invoicing.administer import top_up
from invoicing.watch_wallets import watch_wallets
from streams.told_again import ToldAgain
from streams.turns import take_turns_when_called
from tests.books import AUTHOR, an_event, book, open_account, open_shop
from tests.installation import wait_until
from tests.invoicing.test_apply_payments import an_envelope, receive

engines = pytest.mark.engines


@contextmanager
def a_watcher():
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.wallet_watcher"], cwd=PROJECT_ROOT, env=child_environment(), stdin=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def acme(database, cache):
    """A prepaid account with ₹10 and ₹5 of grace, and the topics."""
    metering_wiring.topic_admin().create_missing(metering_wiring.topics())
    open_shop()
    open_account("acme", mode="prepaid")
    with database.begin() as connection:
        connection.execute(text("INSERT INTO account_terms VALUES (1, 2000000, 24, 5000000)"))
    top_up(wiring.administration(), account_code="acme", amount=Decimal("10.00"), reference="first", author=AUTHOR)
    return database


def told(since_ms):
    """Statuses that were put on the topic since a moment, in their order."""
    topic = settings().kafka_topic_prefix + "account.status"
    consumer = Consumer({"bootstrap.servers": settings().kafka_bootstrap, "group.id": "tests", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, number, 0) for number in consumer.list_topics(topic).topics[topic].partitions])
    found = []
    while messages := consumer.consume(100, timeout=2):
        found += [message for message in messages if message.error() is None and message.timestamp()[1] >= since_ms]
    consumer.close()
    return [json.loads(message.value())["data"]["status"] for message in found]


def use(shop, messages):
    book(shop, [an_event("acme", quantity=messages)], warehouse=False)


def in_redis(cache, status):
    wait_until(lambda: cache.hget("balance:1", "status") == status, f"Redis says {status}", pause_seconds=0.01)


@engines
def test_a_wallet_that_runs_dry_and_is_topped_up_is_told_to_redis_and_the_topic_and_the_end_of_input_ends_it(acme, cache):
    since_ms = clock.epoch_micros() // 1000
    with a_watcher() as process:
        in_redis(cache, "active")
        use(acme, 51)
        in_redis(cache, "grace")
        use(acme, 26)
        in_redis(cache, "suspended")
        receive(acme, an_envelope("captured", "pay_1", 11_800))
        in_redis(cache, "active")
        wait_until(lambda: not unsent(acme), "everything is told")
        process.stdin.close()
        assert process.wait(20) == 0
    assert told(since_ms) == ["active", "grace", "suspended", "active"]


@engines
def test_what_a_killed_watcher_left_is_done_by_the_next(acme, cache):
    since_ms = clock.epoch_micros() // 1000
    with a_watcher() as process:
        in_redis(cache, "active")
        wait_until(lambda: not unsent(acme), "everything is told")
        process.kill()
        process.wait()
    use(acme, 77)
    receive(acme, an_envelope("captured", "pay_1", 11_800))
    with a_watcher():
        wait_until(lambda: cache.hget("balance:1", "balance_micros") == "94600000", "the payment is credited")
        in_redis(cache, "active")
        wait_until(lambda: not unsent(acme), "everything is told")
    assert told(since_ms)[-1] == "active"


@engines
def test_another_takes_the_place_of_a_watcher_that_stands_still_and_the_one_that_wakes_puts_nothing_after_it(acme, cache):
    since_ms = clock.epoch_micros() // 1000
    with a_watcher() as first:
        wait_until(lambda: standing(acme) == "active" and not unsent(acme), "everything is told")
        first.send_signal(signal.SIGSTOP)
        with a_watcher():
            use(acme, 51)
            in_redis(cache, "grace")
            wait_until(lambda: not unsent(acme), "everything is told")
            first.send_signal(signal.SIGCONT)
            use(acme, 26)
            in_redis(cache, "suspended")
            wait_until(lambda: not unsent(acme), "everything is told")
    assert told(since_ms)[-1] == "suspended"
    assert sorted(set(told(since_ms))) == ["active", "grace", "suspended"]


@engines
def test_a_suspension_that_was_committed_by_one_who_died_before_redis_heard_of_it_is_told_by_the_next(acme, cache):
    use(acme, 77)
    store, deaf = metering_wiring.wallet_watch(), ToldAgain(metering_wiring.balance_cache(), lambda: -1.0)
    watch_wallets(store, deaf, now=clock.now())
    store.close()
    assert (standing(acme), cache.hget("balance:1", "status")) == ("suspended", None)
    with a_watcher():
        in_redis(cache, "suspended")


@engines
def test_a_suspension_that_a_silent_redis_missed_is_told_when_it_answers_again_and_the_topic_does_not_wait(acme, cache):
    since_ms = clock.epoch_micros() // 1000
    with a_watcher():
        in_redis(cache, "active")
        cache.execute_command("CLIENT", "PAUSE", 7_000, "WRITE")  # longer than anybody waits for an answer
        use(acme, 77)
        wait_until(lambda: standing(acme) == "suspended", "the books say suspended")
        in_redis(cache, "suspended")
        wait_until(lambda: not unsent(acme), "everything is told")
    assert told(since_ms)[-1] == "suspended"


@engines
def test_while_nothing_waits_one_connection_asks_and_those_who_would_work_have_none(acme, cache):
    with a_watcher() as process:
        wait_until(lambda: postgres_connections(process), "it has started")
        wait_until(lambda: standing(acme) == "active" and not unsent(acme), "everything is told")
    with a_watcher() as process:
        wait_until(lambda: postgres_connections(process), "it has started")
        time.sleep(1)  # some sixty questions
        assert postgres_connections(process) <= 2  # with the one by which Redis was told everything at the start


def postgres_connections(process):
    ends = [one.raddr for one in psutil.Process(process.pid).net_connections(kind="tcp") if one.raddr]
    return sum(end.port == settings().postgres_port for end in ends)


def standing(shop):
    with shop.connect() as connection:
        return connection.execute(text("SELECT effective FROM account_standing")).scalar()


def unsent(shop):
    with shop.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM outbox_message WHERE sent_at IS NULL")).scalar_one()


def test_a_call_during_a_turn_is_another_turn_and_no_call_is_none():
    ended, called, turns = threading.Event(), threading.Event(), []

    def turn():
        turns.append(1)
        if len(turns) == 1:
            called.set()
        else:
            ended.set()

    called.set()
    take_turns_when_called(ended, called, "testing", turn)
    assert len(turns) == 2
    threading.Timer(0.1, ended.set).start()
    ended.clear()
    take_turns_when_called(ended, called, "testing", turn)
    assert len(turns) == 2


def test_a_turn_that_failed_is_taken_again_only_when_called_again():
    ended, called, turns = threading.Event(), threading.Event(), []

    def turn():
        turns.append(1)
        if len(turns) == 1:
            called.set()  # as the one who asks does as long as the work waits
            raise EngineUnavailable("away")
        ended.set()

    called.set()
    take_turns_when_called(ended, called, "testing", turn)
    assert len(turns) == 2
