"""The notifier as a process: from the topic to a mail server and an endpoint, also when it is killed in between."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from aiosmtpd.controller import Controller
from confluent_kafka import Producer
from sqlalchemy import text

from connectors import metering_wiring
from connectors.settings import PROJECT_ROOT, settings
from tests.books import open_account, open_shop

pytestmark = pytest.mark.engines


class Mailbox:
    """Takes letters; while it is slow, only after a minute."""

    def __init__(self):
        self.ids, self.refusing = [], False

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.refusing:
            return "451 4.3.0 try later"
        lines = envelope.content.decode(errors="replace").splitlines()
        self.ids += [line.partition(":")[2].strip() for line in lines if line.startswith("Message-ID:")]
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
    producer = Producer({"bootstrap.servers": settings().kafka_bootstrap})

    def put(*ids):
        for id_ in ids:
            data = {"threshold": "absolute:9000000", "level_micros": 9_000_000, "balance_micros": 5, "currency": "INR"}
            event = {
                "specversion": "1.0", "id": id_, "source": f"/tests/{os.getpid()}/{time.time()}",
                "type": "notification.wallet_alert", "subject": "acme", "time": datetime.now(UTC).isoformat(), "data": data,
            }  # fmt: skip
            producer.produce("test.notifications", json.dumps(event).encode(), key=b"acme")
        producer.flush(10)

    return put


def states(database):
    with database.connect() as connection:
        return [row.state for row in connection.execute(text("SELECT state FROM notification_delivery ORDER BY 1"))]


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
        until(lambda: states(database) == ["waiting"] * 3)
        process.kill()
    mailbox.refusing = False
    with a_notifier(mailbox):
        until(lambda: states(database) == ["sent"] * 3)
    assert len(mailbox.ids) == len(set(mailbox.ids)) == 3
