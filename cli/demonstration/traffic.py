"""A month of traffic from a seed: skewed between accounts, with retries, conflicts, batches, mistakes and new aliases.

Every alias keeps to one producer, so that its records stay in order and the first event under an id is the one that counts.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final
from zlib import crc32
from zoneinfo import ZoneInfo

from cli.demonstration.bad_records import KINDS, Event, encode
from cli.demonstration.customers import Subscriber
from cli.demonstration.event_content import Content, draw_content, respelled, user, with_other_content
from cli.demonstration.expectation import Expectation
from domain.period import BillingMonth

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
_EVENTS_EACH_MIN: Final = 3
_RETRIES: Final = 0.01
_CONFLICTS: Final = 0.002
_MISTAKES: Final = 0.003
_DISTANCE_MAX: Final = 3_000
"""A retry comes at most so many events after the first sending."""
_BATCHING_EVERY: Final = 9
"""One alias in so many sends arrays of events."""
_BATCH_MAX: Final = 60
_BAD_MEMBER: Final = 0.04
_NEW_ALIASES: Final = 6
_NEW_ALIAS_SHARE: Final = 0.35
"""How much of an account's traffic comes under its new alias, where it has one."""
# When people log in, by hour of their day.
_HOURS: Final = (2, 1, 1, 1, 1, 2, 4, 7, 10, 13, 14, 14, 13, 12, 12, 12, 13, 14, 16, 18, 19, 16, 10, 5)


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """One Kafka record; `events` is how many received events it will count for."""

    key: str
    value: bytes
    codec: str
    events: int


@dataclass(frozen=True, slots=True)
class _Sending:
    """An event on its way out, or one again."""

    alias: str
    text: bytes


@dataclass(slots=True)
class Traffic:
    """One run's traffic. `records` yields it once, and `expectation` is complete when it has."""

    subscribers: Sequence[Subscriber]
    month: BillingMonth
    events: int
    seed: int
    run_id: str
    expectation: Expectation
    new_aliases: dict[str, str] = field(init=False)
    """Alias to account code: not mapped while the traffic runs."""
    _random: Random = field(init=False)
    _later: list[tuple[int, int, _Sending]] = field(default_factory=list)
    _batches: dict[str, list[_Sending]] = field(default_factory=dict)
    _serial: int = 0
    sent: int = 0
    """How many different events have come out so far."""

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - simulated traffic
        launching = self._random.sample(list(self.subscribers), _NEW_ALIASES)
        self.new_aliases = {f"{one.account.aliases[0]}-{self.run_id}": one.account.code for one in launching}

    def records(self) -> Iterator[OutgoingRecord]:
        """Every record, in the order of sending."""
        mistakes_at = self._plan_mistakes()
        for position, subscriber in enumerate(self._plan_accounts()):
            for _, _, again in self._due(position):
                yield from self._send(again)
            yield from self._send(self._first(subscriber, position))
            self.sent += 1
            for kind in mistakes_at.get(position, ()):
                yield self._mistake(kind, subscriber)
        for _, _, again in self._due(self.events + _DISTANCE_MAX):
            yield from self._send(again)
        for alias in list(self._batches):
            yield self._flush(alias)

    def _plan_accounts(self) -> list[Subscriber]:
        """Whose event comes when: a few large accounts, many small ones, none without any."""
        sizes = list(self.subscribers)
        self._random.shuffle(sizes)
        heights = list(accumulate(1 / (rank + 3) for rank in range(len(sizes))))
        each = min(_EVENTS_EACH_MIN, self.events // len(sizes))
        drawn = self._random.choices(sizes, cum_weights=heights, k=self.events - each * len(sizes))
        planned = sizes * each + drawn
        self._random.shuffle(planned)
        return planned

    def _plan_mistakes(self) -> dict[int, list[int]]:
        """Kinds of mistakes by position: each at least once, the large ones exactly once."""
        common = [number for number, kind in enumerate(KINDS) if not kind.rare]
        kinds = list(range(len(KINDS)))
        kinds += [common[number % len(common)] for number in range(int(self.events * _MISTAKES) - len(kinds))]
        planned: dict[int, list[int]] = {}
        for kind in kinds:
            planned.setdefault(self._random.randrange(self.events), []).append(kind)
        return planned

    def _due(self, position: int) -> Iterator[tuple[int, int, _Sending]]:
        while self._later and self._later[0][0] <= position:
            yield heapq.heappop(self._later)

    def _first(self, subscriber: Subscriber, position: int) -> _Sending:
        """A new event; counts it, and plans what will be sent under its id again."""
        alias = self._random.choice(subscriber.account.aliases)
        known = True
        for name, account in self.new_aliases.items():
            if account == subscriber.account.code and self._random.random() < _NEW_ALIAS_SHARE:
                alias, known = name, False
        content = draw_content(self._random, subscriber, run_id=self.run_id)
        event = self._event(alias, content, at=self._moment(subscriber, position))
        self.expectation.good(
            subscriber.account.code,
            subscriber.account.plan_code,
            event,
            quantity_millionths=content.quantity_millionths,
            known=known,
        )
        self._plan_repetitions(event, content, alias, position)
        return _Sending(alias, encode(event))

    def _event(self, alias: str, content: Content, *, at: datetime) -> Event:
        self._serial += 1
        return {
            "specversion": "1.0",
            "id": f"{self.run_id}-{self._serial:08d}",
            "source": f"/otpless/core/{_REGIONS[crc32(alias.encode()) % len(_REGIONS)]}",
            "type": content.meter,
            "subject": alias,
            "time": self._written(at),
            "data": content.data,
        }

    def _plan_repetitions(self, event: Event, content: Content, alias: str, position: int) -> None:
        if self._random.random() < _RETRIES:
            self._again(_Sending(alias, self._retry(event)), "duplicate", position)
        if self._random.random() < _CONFLICTS:
            self._again(_Sending(alias, encode(with_other_content(event, content))), "conflict", position)

    def _retry(self, event: Event) -> bytes:
        """The same event: byte for byte, or with the time of the retry, or spelled in another way."""
        match self._random.randrange(3):
            case 0:
                return encode(event)
            case 1:
                at = datetime.fromisoformat(event["time"])
                return encode({**event, "time": (at + timedelta(seconds=self._random.uniform(-1, 1))).isoformat()})
            case _:
                return respelled(event)

    def _again(self, sending: _Sending, outcome: str, position: int) -> None:
        self.expectation.again(outcome)
        distance = self._random.choice((0, 1, 10, 200, _DISTANCE_MAX))
        at = position + 1 + self._random.randint(0, distance)
        self._serial += 1
        heapq.heappush(self._later, (at, self._serial, sending))

    def _send(self, sending: _Sending) -> Iterator[OutgoingRecord]:
        """One record, or for an alias that batches a place in its next one."""
        if crc32(sending.alias.encode()) % _BATCHING_EVERY:
            yield OutgoingRecord(sending.alias, sending.text, _codec(sending.alias), 1)
            return
        batch = self._batches.setdefault(sending.alias, [])
        batch.append(sending)
        if len(batch) >= self._random.randint(2, _BATCH_MAX):
            yield self._flush(sending.alias)

    def _flush(self, alias: str) -> OutgoingRecord:
        members = [sending.text for sending in self._batches.pop(alias)]
        if self._random.random() < _BAD_MEMBER:
            kind = self._random.choice([kind for kind in KINDS if kind.member])
            self.expectation.bad(kind.reason)
            spoilt = kind.spoil(self._blank(alias))
            members.insert(self._random.randint(0, len(members)), spoilt)
        return OutgoingRecord(alias, b"[" + b",".join(members) + b"]", _codec(alias), len(members))

    def _mistake(self, number: int, subscriber: Subscriber) -> OutgoingRecord:
        kind = KINDS[number]
        alias = subscriber.account.aliases[0]
        self.expectation.bad(kind.reason)
        return OutgoingRecord(alias, kind.spoil(self._blank(alias)), CODECS[number % len(CODECS)], 1)

    def _blank(self, alias: str) -> Event:
        """A good event that is never sent as it is."""
        content = Content("otp.delivered", {"channel": "sms", "country": "IN", "user": user(self.run_id, 0)}, 1_000_000)
        return self._event(alias, content, at=self.month.span(_INDIA).start + timedelta(days=9))

    def _moment(self, subscriber: Subscriber, position: int) -> datetime:
        """A local time in the month: days in order, hours as people's are; now and then its very edges."""
        zone = ZoneInfo(subscriber.account.time_zone)
        span = self.month.span(zone)
        edge = self._random.random()
        if edge < 0.001:
            return span.start.astimezone(zone)
        if edge > 0.999:
            return (span.end - timedelta(microseconds=1)).astimezone(zone)
        day = position * (span.end - span.start).days // self.events
        (hour,) = self._random.choices(range(24), weights=_HOURS)
        seconds = hour * 3600 + self._random.random() * 3600
        milliseconds = int(seconds * 1000)
        return (span.start + timedelta(days=day, milliseconds=milliseconds)).astimezone(zone)

    def _written(self, at: datetime) -> str:
        """RFC 3339, in the producer's zone or in UTC."""
        return at.isoformat() if self._random.random() < 0.5 else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


_INDIA: Final = ZoneInfo("Asia/Kolkata")
_REGIONS: Final = ("mumbai", "hyderabad", "jakarta", "singapore")


def _codec(alias: str) -> str:
    return CODECS[crc32(alias.encode()) // _BATCHING_EVERY % len(CODECS)]
