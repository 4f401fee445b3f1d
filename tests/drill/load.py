"""The producer: a steady rate of everything producers send, good and bad, and a log of what the broker took."""

import json
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.drill.logged_producer import LoggedProducer, SentRecord
from tests.drill.world import ACCOUNTS, LATE_ALIASES, QUIET_ACCOUNTS, alias_of
from tests.installation import Installation

SOURCE = "/otpless/core"
_TICK_SECONDS = 0.02
_REMEMBERED = 4_000
_DUPLICATE, _CONFLICT, _MALFORMED, _LATE_ALIAS = 0.010, 0.002, 0.003, 0.004
_SHARE_IN_ARRAYS = 0.3
_ARRAY_EVENTS = (2, 60)


@dataclass(frozen=True, slots=True)
class Event:
    """A well-formed event as it was meant."""

    id: str
    alias: str
    meter: str
    channel: str
    quantity: Decimal
    time: datetime

    def document(self) -> dict[str, Any]:
        """The CloudEvent; the quantity still a Decimal."""
        data = {"quantity": self.quantity, "channel": self.channel, "country": "IN", "operator": "jio"}
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": self.meter,
            "subject": self.alias,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "data": data,
        }


@dataclass
class Load:
    """A producer in a thread of its own; the same seed sends the same events, but for their ids' prefix and times."""

    installation: Installation
    seed: int
    events_per_second: float

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._remembered: deque[tuple[str, Event]] = deque(maxlen=_REMEMBERED)
        self._run = f"{time.time_ns():x}"
        self._made = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run_until_ended, name="load")
        self._producer = LoggedProducer(self.installation, "usage.events")

    @property
    def log(self) -> list[SentRecord]:
        """What the broker took."""
        return self._producer.log

    @property
    def refused(self) -> list[str]:
        """Why it did not take what it did not take."""
        return self._producer.refused

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Stop making events, and wait until the broker has answered for every one."""
        self._ended.set()
        self._thread.join()
        self._producer.finish()

    def _run_until_ended(self) -> None:
        began, made = time.monotonic(), 0
        while not self._ended.wait(_TICK_SECONDS):
            due = (time.monotonic() - began) * self.events_per_second
            while made < due:
                made += self._send_one_record()
            self._producer.listen()

    def _send_one_record(self) -> int:
        """Make and send a record; returns how many events are in it."""
        low, high = _ARRAY_EVENTS
        # An array brings this many events on average: the chance is what gives arrays their share of the events.
        in_array = self._chance.random() < _SHARE_IN_ARRAYS / ((low + high) / 2)
        count = self._chance.randint(low, high) if in_array else 1
        key: str | None = None
        texts: list[bytes] = []
        for _ in range(count):
            if self._chance.random() < _MALFORMED:
                texts.append(self._malformed(alone=not in_array))
                continue
            again_key, event = self._again(key) or (None, self._new_event())
            key = key or again_key or event.alias
            texts.append(_encoded(event))
            if again_key is None and event.alias not in LATE_ALIASES:
                self._remembered.append((key, event))
        value = b"[" + b",".join(texts) + b"]" if in_array else texts[0]
        self._producer.send(key or "nobody", value)
        return count

    def _again(self, key: str | None) -> tuple[str, Event] | None:
        """Now and then, an event sent before: as it was, at another time, or with another body under its id."""
        draw = self._chance.random()
        if draw >= _DUPLICATE + _CONFLICT or not self._remembered:
            return None
        # With the same record key it comes to the same partition, so that the order, and with it the outcome, is known.
        first_key, event = self._chance.choice(self._remembered)
        if key is not None and key != first_key:
            return None
        if draw < _CONFLICT:
            return first_key, replace(event, quantity=event.quantity + 1)
        if draw < _CONFLICT + _DUPLICATE / 2:
            return first_key, event
        return first_key, replace(event, time=event.time - timedelta(seconds=self._chance.randint(1, 3_000)))

    def _new_event(self) -> Event:
        self._made += 1
        late = self._chance.random() < _LATE_ALIAS
        alias = self._chance.choice(LATE_ALIASES) if late else alias_of(self._chance.randrange(ACCOUNTS - QUIET_ACCOUNTS))
        voice = self._chance.random() < 0.2
        quantity = Decimal(self._chance.randrange(1, 3_000_000)).scaleb(-6) if voice else Decimal(1)
        return Event(
            f"{self._run}-{self._made:08d}",
            alias,
            "voice.minutes" if voice else "otp.delivered",
            self._chance.choice(("sms", "whatsapp")),
            quantity,
            datetime.now(UTC) - timedelta(milliseconds=self._chance.randrange(0, 60_000)),
        )

    def _malformed(self, *, alone: bool) -> bytes:
        self._made += 1
        document = Event(f"{self._run}-bad-{self._made}", alias_of(0), "otp.delivered", "sms", Decimal(1), _EPOCH).document()
        faults: list[dict[str, Any]] = [
            {**document, "time": "yesterday"},
            {**document, "type": "no.such.meter", "time": datetime.now(UTC).isoformat()},
            {**document, "data": {"quantity": "one"}},
            {**document, "subject": ""},
        ]
        if alone and self._chance.random() < 0.3:
            return b'{"specversion": "1.0", "id'  # cut off: inside an array it would take the whole record with it
        return json.dumps(self._chance.choice(faults), default=float).encode()


_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def _encoded(event: Event) -> bytes:
    document = event.document()
    quantity = document["data"].pop("quantity")
    # json would write a Decimal as a binary fraction's digits; the wire carries the exact ones.
    text = json.dumps(document, separators=(",", ":"))
    return text.replace('"data":{', f'"data":{{"quantity":{quantity:f},').encode()
