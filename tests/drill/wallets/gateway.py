"""The gateways: payments of every kind, in any order and repeated, and the answers to what `payment.requests` asks for."""

import heapq
import itertools
import json
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from tests.drill.logged_producer import LoggedProducer
from tests.drill.wallets.world import ACCOUNTS, code_of
from tests.installation import Installation

SOURCE = "/gateways/razorpay"
_TICK_SECONDS = 0.05
_POSTPAID = "D0000"
_UNKNOWN = "W9999"


@dataclass
class Paid:
    """A payment that was sent as captured, and what of it is not given back."""

    account: str
    payment: str
    left_minor: int


@dataclass
class Gateway:
    """A thread of its own: makes payments until it is told to stop making them, and answers requests until it ends."""

    installation: Installation
    seed: int
    payments_per_second: float
    requests: dict[int, list[str]] = field(default_factory=dict)
    """By its number, how each request is answered, in order: the last one counts."""
    requests_repeated: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._run = f"{time.time_ns():x}"
        self._serial = itertools.count(1)
        self._due: list[tuple[float, int, str, dict[str, Any]]] = []
        """What is to be sent later: when, the order of the same moment, the account, the document."""
        self._paid: list[Paid] = []
        self._sent: list[tuple[str, dict[str, Any]]] = []
        self._seen: set[str] = set()
        self._making, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="gateway", daemon=True)
        self.producer = LoggedProducer(self.installation, "payment.events")
        self._consumer = Consumer(
            {"bootstrap.servers": self.installation.settings.kafka_bootstrap, "group.id": "gateway", "log_level": 0}
        )

    def start(self) -> None:
        """Begin."""
        name = self.installation.topic("payment.requests")
        self._consumer.assign([TopicPartition(name, number, 0) for number in range(2)])
        self._making.set()
        self._thread.start()

    def make_no_more(self) -> None:
        """Only answer from now on, and let every request succeed, so that there is an end to them."""
        self._making.clear()

    def idle(self) -> bool:
        """Whether everything was sent that is to be sent."""
        return not self._due

    def stop(self) -> None:
        """End, and wait until the broker has answered for every event. Once is enough."""
        if not self._ended.is_set() and self._thread.is_alive():
            self._ended.set()
            self._thread.join()
            self.producer.finish()
            self._consumer.close()

    def _work(self) -> None:
        next_at = time.monotonic()
        while not self._ended.wait(_TICK_SECONDS):
            now = time.monotonic()
            while self._making.is_set() and next_at <= now:
                self._make_something()
                next_at += 1 / self.payments_per_second
            while self._due and self._due[0][0] <= now:
                _, _, account, document = heapq.heappop(self._due)
                self._send(account, document)
            for message in self._consumer.consume(100, timeout=0):
                if message.error() is None:
                    self._take_request(json.loads(message.value()))
            self.producer.listen()

    def _make_something(self) -> None:
        kinds = {
            self._capture: 50,
            self._repeat: 8,
            self._fail: 6,
            self._give_back: 14,
            self._give_back_first: 6,
            self._ask_for_what_cannot_be: 12,
            self._send_nonsense: 4,
        }
        (make,) = self._chance.choices(list(kinds), weights=list(kinds.values()))
        make()

    def _capture(self) -> None:
        account, amount = self._somebody(), self._chance.choice((2_36, 5_90, 11_80, 17_77, 23_60))
        self._captured(account, self._name("pay"), amount)

    def _captured(self, account: str, payment: str, amount_minor: int, **data: Any) -> None:
        self._send(account, self._document("captured", account, payment, amount_minor, **data))
        self._paid.append(Paid(account, payment, amount_minor))

    def _repeat(self) -> None:
        """The same event again, the same payment in another event, or another body under the same id."""
        if not self._sent:
            return
        account, document = self._chance.choice(self._sent[-200:])
        draw = self._chance.random()
        if draw < 0.4:
            self._send(account, document)
        elif draw < 0.8:
            self._send(account, {**document, "id": self._name("evt")})
        else:
            self._send(account, {**document, "data": {**document["data"], "amount_minor": 1_23}})

    def _fail(self) -> None:
        account = self._somebody()
        self._send(account, self._document("failed", account, self._name("pay"), 11_80, reason="the bank said no"))

    def _give_back(self) -> None:
        """A part or all of a payment, as a refund or by a dispute, perhaps told twice."""
        left = [paid for paid in self._paid[-100:] if paid.left_minor > 0]
        if not left:
            return
        paid = self._chance.choice(left)
        whole = self._chance.random() < 0.5
        amount = paid.left_minor if whole else self._chance.randint(1, paid.left_minor)
        paid.left_minor -= amount
        kind = self._chance.choice(("refunded", "disputed"))
        document = self._document(kind, paid.account, self._name("back"), amount, payment=paid.payment)
        self._send(paid.account, document)
        if self._chance.random() < 0.2:
            self._send(paid.account, {**document, "id": self._name("evt")})

    def _give_back_first(self) -> None:
        """A refund that comes before its payment."""
        account, payment = self._somebody(), self._name("pay")
        self._send(account, self._document("refunded", account, self._name("back"), 3_00, payment=payment))
        captured = self._document("captured", account, payment, 11_80)
        self._later(self._chance.uniform(0.3, 2.0), account, captured)

    def _ask_for_what_cannot_be(self) -> None:
        """What waits for a person, for ever as far as the drill goes."""
        account, name = self._somebody(), self._name("pay")
        draw = self._chance.randrange(5)
        if draw == 0:
            self._send(_UNKNOWN, self._document("captured", _UNKNOWN, name, 11_80))
        elif draw == 1:
            self._send(account, self._document("captured", account, name, 11_80, currency="USD"))
        elif draw == 2:
            self._send(_POSTPAID, self._document("captured", _POSTPAID, name, 11_80))
        elif self._paid:
            paid = self._chance.choice(self._paid[-100:])
            if draw == 3:
                self._send(paid.account, self._document("captured", paid.account, paid.payment, 99_99))
            else:
                too_much = self._document("refunded", paid.account, self._name("back"), 5_000_00, payment=paid.payment)
                self._send(paid.account, too_much)

    def _send_nonsense(self) -> None:
        account = self._somebody()
        document = self._document("captured", account, self._name("pay"), 11_80)
        amount = self._chance.choice((0, -11_80, 10**20, "11.80", None))
        document["data"]["amount_minor"] = amount
        self._send(account, document, remembered=False)

    def _take_request(self, event: dict[str, Any]) -> None:
        if event["id"] in self._seen:
            self.requests_repeated += 1
            return
        self._seen.add(event["id"])
        data, account = event["data"], event["subject"]
        number, payment, amount = data["request"], self._name("pay"), data["charge_minor"]
        draw = self._chance.random() if self._making.is_set() else 0.0
        captured = self._document("captured", account, payment, amount, request=str(number))
        failed = self._document("failed", account, payment, amount, request=str(number), reason="the mandate was refused")
        soon = self._chance.uniform(0.1, 1.5)
        if draw < 0.65:
            self.requests[number] = ["captured"]
            self._later(soon, account, captured)
        elif draw < 0.75:
            self.requests[number] = ["captured"]
            self._later(soon, account, captured)
            self._later(soon + 0.2, account, {**captured, "id": self._name("evt")})
        elif draw < 0.9:
            self.requests[number] = ["failed"]
            self._later(soon, account, failed)
        else:
            # The bank changed its mind: money that comes after all is credited, and its request counts as captured.
            self.requests[number] = ["failed", "captured"]
            self._later(soon, account, failed)
            self._later(soon + 2.5, account, captured)

    def _later(self, seconds: float, account: str, document: dict[str, Any]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._serial), account, document))

    def _send(self, account: str, document: dict[str, Any], *, remembered: bool = True) -> None:
        if remembered:
            self._sent.append((account, document))
        self.producer.send(account, json.dumps(document).encode())

    def _somebody(self) -> str:
        return code_of(self._chance.randrange(ACCOUNTS))

    def _name(self, prefix: str) -> str:
        return f"{prefix}_{self._run}_{next(self._serial)}"

    def _document(self, kind: str, account: str, reference: str, amount_minor: int, **data: Any) -> dict[str, Any]:
        facts = {"gateway": "razorpay", "reference": reference, "amount_minor": amount_minor, "currency": "INR", **data}
        return {
            "specversion": "1.0",
            "id": self._name("evt"),
            "source": SOURCE,
            "type": f"payment.{kind}",
            "subject": account,
            "time": datetime.now(UTC).isoformat(),
            "data": facts,
        }
