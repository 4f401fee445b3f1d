"""A producer of which one at a time can send: also a process that is stopped in the middle of sending, and woken."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.sole_producer import SoleProducer
from connectors.settings import PROJECT_ROOT, child_environment, settings
from domain.errors import EngineUnavailable
from tests.installation import wait_until
from tests.kafka_topics import topics

pytestmark = pytest.mark.engines
_STOPPED_IN_MID_SEND = """
import os, signal, sys
from connectors.kafka.sole_producer import SoleProducer

bootstrap, name, topic = sys.argv[1:]
producer = SoleProducer(bootstrap, name=name, what="messages")
producer.take_charge()

def records():
    yield topic, b"acme", b"first"
    os.kill(os.getpid(), signal.SIGSTOP)
    yield topic, b"acme", b"old"

producer.send_all(records())
"""


@pytest.fixture
def topic():
    with topics("sent", partitions=1) as prefix:
        yield f"{prefix}sent"


@pytest.fixture
def name():
    return f"tests-{os.getpid()}-{time.monotonic_ns()}"


def a_producer(name):
    return SoleProducer(settings().kafka_bootstrap, name=name, what="messages")


def read(topic, isolation):
    """Values on the topic, for a reader who waits for the end of transactions or not."""
    reading = {"group.id": "tests", "enable.partition.eof": True, "enable.auto.commit": False, "isolation.level": isolation}
    consumer = Consumer({"bootstrap.servers": settings().kafka_bootstrap, **reading})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while not found or found[-1].error() is None:
        found += consumer.consume(100, timeout=1)
    consumer.close()
    return [message.value().decode() for message in found if message.error() is None]


def test_a_process_that_is_stopped_in_mid_send_and_woken_when_another_has_sent_is_refused(topic, name):
    process = subprocess.Popen(
        [sys.executable, "-c", _STOPPED_IN_MID_SEND, settings().kafka_bootstrap, name, topic],
        cwd=PROJECT_ROOT, env=child_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, "it is stopped")
        next_one = a_producer(name)
        next_one.take_charge()
        next_one.send_all([(topic, b"acme", b"first"), (topic, b"acme", b"new")])
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert "another process sends messages now" in said
    assert read(topic, "read_committed") == ["first", "new"]
    assert read(topic, "read_uncommitted")[-1] == "new"


def test_whoever_took_charge_before_another_is_refused_and_may_take_charge_again(topic, name):
    one, two = a_producer(name), a_producer(name)
    one.take_charge()
    one.send_all([(topic, b"acme", b"1")])
    two.take_charge()
    with pytest.raises(EngineUnavailable, match="another process sends messages now"):
        one.send_all([(topic, b"acme", b"late")])
    assert (one.in_charge, two.in_charge) == (False, True)
    two.send_all([(topic, b"acme", b"2")])
    one.take_charge()
    one.send_all([(topic, b"acme", b"3")])
    assert read(topic, "read_committed") == ["1", "2", "3"]


def test_nobody_sends_who_is_not_in_charge(topic, name):
    with pytest.raises(EngineUnavailable, match="another process"):
        a_producer(name).send_all([(topic, b"acme", b"1")])


def test_a_broker_that_is_away_is_told_and_leaves_nobody_in_charge(name, monkeypatch):
    monkeypatch.setattr("connectors.kafka.sole_producer._SECONDS", 1)
    away = SoleProducer("127.0.0.1:1", name=name, what="messages")
    with pytest.raises(EngineUnavailable, match="Kafka does not take messages"):
        away.take_charge()
    assert not away.in_charge
