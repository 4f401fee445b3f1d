"""Core before and after sending: asks for holds, sends, voids or lets them end, and produces the events of what it sent."""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors import clock
from connectors.postgres.credit_books import PostgresCreditBooks
from connectors.postgres.database import open_engine
from connectors.postgres.metering import PostgresMeteringStore
from connectors.postgres.present_prices import PresentPrices
from connectors.redis.balances import RedisBalances
from connectors.redis.holds import RedisHolds
from domain.errors import EngineUnavailable
from domain.holds import Answer
from invoicing.hold_credit import HoldAnswer, HoldCredit, Question
from tests.drill.logged_producer import LoggedProducer
from tests.drill.wallets.world import ACCOUNTS, alias_of, code_of
from tests.installation import Installation

SOURCE = "/otpless/core/wallets"
LIFETIME_SECONDS = (3, 6)
_ASKS_FIRST, _GOES_ON_ALL_THE_SAME = 0.7, 0.12
_DELIVERED, _VOIDED, _NAMES_ITS_HOLD = 0.7, 0.15, 0.5


@dataclass
class Asked:
    """A hold that was asked for; `answer` is None where no answer came, so that it may be there or not."""

    account: str
    messages: int
    asked_at: float
    ends_at: float
    answer: HoldAnswer | None = None
    ended_at: float | None = None
    """When it was voided, by the answer that said so."""


@dataclass
class Senders:
    """A thread of its own; the same seed asks and sends the same as far as the answers are the same."""

    installation: Installation
    seed: int
    messages_per_second: float
    asked: dict[str, Asked] = field(default_factory=dict)
    answers: list[HoldAnswer] = field(default_factory=list)
    unanswered: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._run = f"w{time.time_ns():x}"
        self._made = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="senders", daemon=True)
        self.producer = LoggedProducer(self.installation, "usage.events")
        chosen = self.installation.settings
        engine = open_engine(chosen.postgres_dsn)
        store = PostgresMeteringStore(chosen.postgres_dsn, worker="senders", clock=clock.now)
        redis = {"host": chosen.redis_host, "port": chosen.redis_port, "database": chosen.redis_db}
        prices = PresentPrices(engine, store.config, clock.monotonic_seconds)
        self._holds = RedisHolds(**redis)
        self._holding = HoldCredit(prices, self._holds, RedisBalances(**redis), PostgresCreditBooks(engine))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until the broker has answered for every event."""
        self._ended.set()
        self._thread.join()
        self.producer.finish()

    def reserved_micros(self, account_id: int) -> int:
        """What the cache says is reserved, asked as core asks."""
        return self._holds.may_send(account_id, 0).reserved_micros

    def _work(self) -> None:
        began, done = time.monotonic(), 0
        while not self._ended.wait(0.02):
            while done < (time.monotonic() - began) * self.messages_per_second and not self._ended.is_set():
                self._send_something()
                done += 1
            self.producer.listen()

    def _send_something(self) -> None:
        # Some are busier than others, so that some run dry and others hardly ever.
        number = min(self._chance.randrange(ACCOUNTS), self._chance.randrange(ACCOUNTS))
        messages = self._chance.choice((1, 1, 1, 2, 4))
        self._made += 1
        name = f"{self._run}-{self._made:07d}"
        asks, goes_on, draw = (self._chance.random() for _ in range(3))
        if asks > _ASKS_FIRST:
            self._produce(number, messages, name, None)
            return
        answer = self._ask(number, messages, name)
        if answer is None or answer.answer is not Answer.YES:
            if goes_on < _GOES_ON_ALL_THE_SAME:
                self._produce(number, messages, name, None)
            return
        if draw < _DELIVERED:
            names_it = self._chance.random() < _NAMES_ITS_HOLD
            self._produce(number, messages, f"{name}-sent" if names_it else name, name if names_it else None)
        elif draw < _DELIVERED + _VOIDED:
            self._void(number, name)

    def _ask(self, number: int, messages: int, hold_id: str) -> HoldAnswer | None:
        now, lifetime = time.time(), self._chance.randint(*LIFETIME_SECONDS)
        asked = self.asked[hold_id] = Asked(code_of(number), messages, now, now + lifetime)
        question = Question(alias_of(number), "otp.delivered", messages, {"channel": "sms"})
        try:
            answer = self._holding.hold(question, hold_id=hold_id, now=clock.now(), lifetime_seconds=lifetime)
        except EngineUnavailable:
            self.unanswered += 1
            return None
        finally:
            asked.ends_at = time.time() + lifetime
        asked.answer = answer
        self.answers.append(answer)
        return answer

    def _void(self, number: int, hold_id: str) -> None:
        try:
            self._holding.release(alias_of(number), [hold_id], now=clock.now())
        except EngineUnavailable:
            return  # it ends by itself
        self.asked[hold_id].ended_at = time.time()

    def _produce(self, number: int, messages: int, event_id: str, hold_id: str | None) -> None:
        document = {
            "specversion": "1.0",
            "id": event_id,
            "source": SOURCE,
            "type": "otp.delivered",
            "subject": alias_of(number),
            "time": datetime.now(UTC).isoformat(),
            "data": {"quantity": messages, "channel": "sms", **({"hold_id": hold_id} if hold_id else {})},
        }
        self.producer.send(alias_of(number), json.dumps(document).encode())
