"""The notifier as a process: from the topic to a mail server and an endpoint, also when it is killed in between."""

import email
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from sqlalchemy import text

from connectors import metering_wiring
from connectors.settings import PROJECT_ROOT, settings
from invoicing.relay_outbox import relay_outbox
from tests.books import open_account, open_shop
from tests.invoicing.test_apply_payments import an_envelope, apply, receive

pytestmark = pytest.mark.engines


class Mailbox:
    """Takes letters, unless it is told to refuse them."""

    def __init__(self):
        self.ids, self.letters, self.refusing = [], [], False

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.refusing:
            return "451 4.3.0 try later"
        letter = email.message_from_bytes(envelope.content, policy=default)
        self.ids.append(letter["Message-ID"])
        self.letters.append(letter)
        return "250 taken"


@pytest.fixture
def mailbox():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=a_free_port())
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


def a_free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def a_notifier(mailbox):
    port = a_free_port()
    environment = {**os.environ, "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mailbox.port), "SMTP_SECURITY": "none"}
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.notifier"], cwd=PROJECT_ROOT, env={**environment, "NOTIFIER_PORT": str(port)}
    )
    process.health = f"http://127.0.0.1:{port}/health"
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(happened, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def healthy(process):
    try:
        with urllib.request.urlopen(process.health, timeout=2) as answer:  # noqa: S310 - on this machine
            return json.load(answer)
    except OSError:
        return None


@pytest.fixture
def tell(database):
    """An account, and a way to put notifications about it on the topic."""
    open_shop()
    open_account("acme", mode="prepaid")
    admin = metering_wiring.topic_admin()
    admin.create_missing(metering_wiring.topics())
    skip_what_others_left()
    producer = Producer({"bootstrap.servers": settings().kafka_bootstrap})

    def put(*ids):
        for id_ in ids:
            data = {"threshold": "absolute:9000000", "level_micros": 9_000_000, "balance_micros": 5, "currency": "INR"}
            event = {
                "specversion": "1.0", "id": id_, "source": f"/tests/{os.getpid()}/{time.time()}",
                "type": "notification.wallet_alert", "subject": "acme", "time": datetime.now(UTC).isoformat(), "data": data,
            }  # fmt: skip
            producer.produce(f"{settings().kafka_topic_prefix}notifications", json.dumps(event).encode(), key=b"acme")
        producer.flush(10)

    return put


def skip_what_others_left():
    """Let the group of notifiers begin behind the notices that tests of the watcher have left on the topic."""
    prefix = settings().kafka_topic_prefix
    topic, group = f"{prefix}notifications", f"{prefix}notifier"
    reader = Consumer({"bootstrap.servers": settings().kafka_bootstrap, "group.id": group, "enable.auto.commit": False})
    numbers = reader.list_topics(topic, timeout=10).topics[topic].partitions
    ends = [
        TopicPartition(topic, number, reader.get_watermark_offsets(TopicPartition(topic, number))[1]) for number in numbers
    ]

    def is_behind_them():
        present = reader.committed([TopicPartition(topic, end.partition) for end in ends], timeout=10)
        if all(max(one.offset, 0) == end.offset for one, end in zip(present, ends, strict=True)):
            return True
        with suppress(KafkaException):  # as long as a notifier that was killed counts as a member
            reader.commit(offsets=ends, asynchronous=False)
        return False

    until(is_behind_them)
    reader.close()


def states(database):
    with database.connect() as connection:
        return [row.state for row in connection.execute(text("SELECT state FROM notification_delivery ORDER BY 1"))]


def failures(database):
    with database.connect() as connection:
        return list(connection.execute(text("SELECT failures FROM notification_delivery")).scalars())


def test_what_is_on_the_topic_is_mailed_and_it_ends_when_told_to(database, tell, mailbox):
    with a_notifier(mailbox) as process:
        assert until(lambda: healthy(process)) == {"status": "ok", "stalled": [], "channels": ["email", "webhook"]}
        tell("a", "b")
        until(lambda: states(database) == ["sent", "sent"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert len(mailbox.ids) == len(set(mailbox.ids)) == 2


def test_what_a_killed_notifier_leaves_is_sent_by_the_next_under_the_same_id(database, tell, mailbox):
    mailbox.refusing = True
    with a_notifier(mailbox) as process:
        tell("a", "b", "c")
        until(lambda: failures(database) == [1] * 3)
        process.kill()
    mailbox.refusing = False
    with a_notifier(mailbox):
        until(lambda: states(database) == ["sent"] * 3)
    assert len(mailbox.ids) == len(set(mailbox.ids)) == 3


def test_a_payment_ends_as_a_letter_with_its_voucher(database, cache, tell, mailbox):
    receive(database, an_envelope("captured", "pay_1", 1_180_00))
    apply()
    sender = metering_wiring.message_sender()
    sender.take_charge()
    relay_outbox(metering_wiring.messages(), sender)
    with a_notifier(mailbox):
        until(lambda: mailbox.letters)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "Payment received: ₹1,180.00 for acme"
    (voucher,) = letter.iter_attachments()
    assert (voucher.get_filename(), voucher.get_content()[:5]) == ("RV-26-27-000001.pdf", b"%PDF-")
