"""Load for the measurements: accounts, a plan, and a producer of single-event records."""

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from confluent_kafka import Producer

from connectors import clock
from domain.money import Currency
from invoicing import administer
from invoicing.administration_ports import NewAccount, NewCustomer
from tests.installation import Installation

PRICE_MICROS = 145_000
PLAN = {
    "code": "bench",
    "name": "Bench",
    "currency": "INR",
    "charges": [
        {
            "meter": "otp.delivered",
            "description": "OTP delivered",
            "sac": "998319",
            "unit": "message",
            "price": {
                "model": "matrix",
                "dimensions": ["channel", "country"],
                "rows": [
                    {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "0.145"},
                    {"when": {"channel": "whatsapp", "country": "IN"}, "model": "per_unit", "unit_price": "0.145"},
                ],
            },
        }
    ],
}


def open_accounts(installation: Installation, count: int) -> None:
    """Accounts of one plan, every second prepaid; account i has the alias load-i."""
    store = installation.administration()
    author = administer.Author("bench", clock.now())
    administer.publish_plan(store, PLAN, author=author)
    customers = [
        NewCustomer(f"C{i:05d}", f"Customer {i}", f"c{i}@example.com", None, ("1 Road",), "IN", "29", None, "unregistered")
        for i in range(count)
    ]
    accounts = [
        NewAccount(
            f"A{i:05d}",
            f"C{i:05d}",
            "prepaid" if i % 2 else "postpaid",
            Currency.INR,
            "Asia/Kolkata",
            (f"load-{i:05d}",),
            "bench",
        )
        for i in range(count)
    ]
    administer.open_accounts(store, customers, accounts, author=author)


def producer(installation: Installation) -> Producer:
    """A producer that keeps up with the worker."""
    return Producer(
        {
            "bootstrap.servers": installation.settings.kafka_bootstrap,
            "enable.idempotence": True,
            "linger.ms": 2,
            "queue.buffering.max.messages": 500_000,
            "log_level": 2,
        }
    )


class Load:
    """Single-event records of about 200 bytes with unique ids, spread evenly over accounts."""

    def __init__(self, installation: Installation, *, accounts: int, seed: int = 1) -> None:
        self._topic = installation.topic("usage.events")
        self._producer = producer(installation)
        self._random = random.Random(seed)
        self._accounts = accounts
        self._run = os.urandom(4).hex()
        self._sent = 0

    def send(self, count: int, *, per_second: float = 0, delivered: Callable[[int, int], None] | None = None) -> None:
        """Produce events, as fast as possible or at a rate; `delivered(account, append_millis)` is told of each."""
        started = time.monotonic()
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for i in range(count):
            if i % 1000 == 0:
                stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            account = self._random.randrange(self._accounts)
            self._produce(account, self._event(account, stamp), delivered)
            if per_second and i % 10 == 9:
                self._producer.poll(0)
                ahead = started + (i + 1) / per_second - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
        self._producer.flush()

    def _event(self, account: int, stamp: str) -> bytes:
        self._sent += 1
        channel = "sms" if self._sent % 3 == 0 else "whatsapp"
        return (
            f'{{"specversion":"1.0","id":"{self._run}-{self._sent:09d}","source":"/otpless/core","type":"otp.delivered",'
            f'"subject":"load-{account:05d}","time":"{stamp}",'
            f'"data":{{"channel":"{channel}","country":"IN","operator":"jio"}}}}'
        ).encode()

    def _produce(self, account: int, value: bytes, delivered: Callable[[int, int], None] | None) -> None:
        def on_delivery(error: object, message: object) -> None:
            if error is not None:
                raise AssertionError(f"Kafka did not take a record: {error}")
            if delivered is not None:
                delivered(account, message.timestamp()[1])  # type: ignore[attr-defined]

        while True:
            try:
                self._producer.produce(self._topic, value=value, key=b"load-%05d" % account, on_delivery=on_delivery)
                return
            except BufferError:
                self._producer.poll(0.05)
