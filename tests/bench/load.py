"""Load for the measurements: accounts, a plan, and a producer of records with one event or an array of them."""

import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from confluent_kafka import Producer

from connectors import clock
from domain.money import Currency
from invoicing import administer
from tests import opened_accounts
from tests.installation import Installation
from tests.opened_accounts import NewAccount, NewCustomer

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
    opened_accounts.open_accounts(store, customers, accounts, author=author)


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
    """Events of about 200 bytes with random ids, spread evenly over accounts; a record holds one, or an array of them.

    The events of an array are of one account, because a record's key is its account's alias.
    """

    def __init__(
        self,
        installation: Installation,
        *,
        accounts: int,
        events_per_record: int = 1,
        hot_share: float = 0.0,
        seed: int = 1,
    ) -> None:
        """`hot_share`: of the events that are the first account's, before the others are spread evenly over all."""
        self._topic = installation.topic("usage.events")
        self._producer = producer(installation)
        self._random = random.Random(seed)
        self._accounts = accounts
        self._hot_share = hot_share
        self._events_per_record = events_per_record
        self._run = os.urandom(4).hex()
        self._sent = 0

    def send(self, count: int, *, per_second: float = 0, delivered: Callable[[int, int], None] | None = None) -> None:
        """Produce events, as fast as possible or at a rate; `delivered(account, append_millis)` is told of each record."""
        started = time.monotonic()
        for i, (account, value) in enumerate(self.records(count)):
            self._produce(account, value, delivered)
            if per_second and i % 10 == 9:
                self._producer.poll(0)
                ahead = started + (i + 1) * self._events_per_record / per_second - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
        self._producer.flush()

    def records(self, count: int) -> Iterator[tuple[int, bytes]]:
        """Accounts and record values that hold `count` events, without sending them."""
        stamp = _now()
        for i in range(count // self._events_per_record):
            if i % 1000 == 0:
                stamp = _now()
            # Nothing is drawn where nothing is hot, so that the events of a seed stay what they are.
            hot = self._hot_share and self._random.random() < self._hot_share
            account = 0 if hot else self._random.randrange(self._accounts)
            if self._events_per_record == 1:
                yield account, self._event(account, stamp).encode()
            else:
                events = ",".join(self._event(account, stamp) for _ in range(self._events_per_record))
                yield account, f"[{events}]".encode()

    def _event(self, account: int, stamp: str) -> str:
        self._sent += 1
        channel = "sms" if self._sent % 3 == 0 else "whatsapp"
        return (
            f'{{"specversion":"1.0","id":"{self._random.getrandbits(32):08x}-{self._run}-{self._sent:09d}",'
            f'"source":"/otpless/core","type":"otp.delivered","subject":"load-{account:05d}","time":"{stamp}",'
            f'"data":{{"channel":"{channel}","country":"IN","operator":"jio"}}}}'
        )

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


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
