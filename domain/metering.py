"""Metering: from received events to outcomes. Every event ends as exactly one of five counted kinds (DESIGN §3.3).

The decision has two halves around one look at the database: `prepare` says what would be rated, and `settle` says,
once it is known which identities are new and where the running totals stand, what is rated, at how much, and what not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from domain.attribution import RatingConfig
from domain.rating.places import TotalKey, place_of
from domain.rating.running import NOTHING_REMEMBERED, Remembered, RunningTotals, Total
from domain.rating.usage import Usage, measured
from domain.received_event import Origin, ReceivedEvent
from domain.usage import RefusalReason, Refused, TimeWindow, WaitReason

Partition = tuple[str, int]
"""Topic and partition number."""


class Outcome(StrEnum):
    """What became of an event; received is always the sum of these."""

    RATED = "rated"
    ACCEPTED = "accepted"
    """A payment or config event that is stored and handed to its use case (domain/receiving.py)."""
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    DEAD_LETTERED = "dead_lettered"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that cannot be booked, with its bytes and the sentence its producer gets."""

    origin: Origin
    index: int | None
    """Place in the record; None when the whole record cannot be read."""
    reason: RefusalReason
    detail: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that a person can make ratable."""

    received: ReceivedEvent
    reason: WaitReason


@dataclass(slots=True)
class Prepared:
    """A batch before the look at the database."""

    firsts: dict[bytes, Usage | Waiting] = field(default_factory=dict)
    """The first event of each identity in the batch."""
    repeats: list[ReceivedEvent] = field(default_factory=list)
    """Later events under an identity seen earlier in the batch."""
    dead_letters: list[DeadLetter] = field(default_factory=list)

    def usages(self) -> Iterable[Usage]:
        """The events that are ratable if their identity is new."""
        return (first for first in self.firsts.values() if type(first) is Usage)


@dataclass(slots=True)
class Settled:
    """What a batch does to the books."""

    rated: list[Usage] = field(default_factory=list)
    duplicates: list[ReceivedEvent] = field(default_factory=list)
    conflicts: list[ReceivedEvent] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    running: RunningTotals = field(default_factory=RunningTotals)
    """The running totals the batch was rated with, and what it adds to them."""
    debits: dict[int, int] = field(default_factory=dict)
    """Micros taken from each wallet, by wallet id."""

    @property
    def totals(self) -> Mapping[TotalKey, Total]:
        """What is added to each running total."""
        return self.running.added

    def counts(self) -> dict[Partition, Counter[Outcome]]:
        """How many events of each partition ended how."""
        counts: dict[Partition, Counter[Outcome]] = {}
        for outcome, origins in (
            (Outcome.RATED, [usage.received.origin for usage in self.rated]),
            (Outcome.DUPLICATE, [received.origin for received in self.duplicates]),
            (Outcome.CONFLICT, [received.origin for received in self.conflicts]),
            (Outcome.QUARANTINED, [wait.received.origin for wait in self.waiting]),
            (Outcome.DEAD_LETTERED, [letter.origin for letter in self.dead_letters]),
        ):
            for partition, number in Counter([origin[:2] for origin in origins]).items():
                counts.setdefault(partition, Counter())[outcome] = number
        return counts


def prepare(received: Sequence[ReceivedEvent], config: RatingConfig, window: TimeWindow) -> Prepared:
    """Attribute and price-select a batch. Nothing is decided yet that depends on what was booked before."""
    prepared = Prepared()
    for item in received:
        try:
            candidate = _attribute(item, config, window)
        except Refused as refused:
            letter = DeadLetter(item.origin, item.index, refused.reason, str(refused), item.payload)
            prepared.dead_letters.append(letter)
            continue
        if prepared.firsts.setdefault(item.event.key, candidate) is not candidate:
            prepared.repeats.append(item)
    return prepared


def _attribute(item: ReceivedEvent, config: RatingConfig, window: TimeWindow) -> Usage | Waiting:
    event = item.event
    if event.meter not in config.meters:
        raise Refused(
            RefusalReason.UNKNOWN_TYPE,
            f"type {event.meter[:80]!r} is not a meter of any plan: check its spelling",
        )
    late = window.verdict(event.time_micros, received_micros=item.origin.received_micros)
    if event.key in config.rejected:
        return Waiting(item, WaitReason.REJECTED)
    if late is not None and (event.key, event.body_digest, event.time_micros) not in config.accepted_late:
        return Waiting(item, late)
    account = config.account_at(event.subject, event.time_micros)
    if account is None:
        return Waiting(item, WaitReason.UNKNOWN_ALIAS)
    plan = account.plan_at(event.time_micros)
    if plan is None:
        return Waiting(item, WaitReason.NO_SUBSCRIPTION)
    rates = plan.rates_for(event.meter, event.properties)
    if rates is None:
        return Waiting(item, WaitReason.NO_PRICE)
    place = place_of(account, rates, time_micros=event.time_micros)
    if account.purposes is not None:
        place = place.paid_by(account.wallet_for(event.meter, event.properties))
    if place.is_simple and event.quantity_millionths >= 0:
        return Usage(item, place)
    return measured(item, place)


def repeats_a_day_apart(prepared: Prepared) -> bool:
    """Whether an identity came twice, 24 hours or more apart by the broker's clock.

    Then the second may be a new event (DESIGN §3.2), which takes a transaction of its own: a batch claims an identity once.
    """
    for repeat in prepared.repeats:
        first = prepared.firsts[repeat.event.key].received
        if abs(repeat.origin.received_micros - first.origin.received_micros) >= _DAY_MICROS:
            return True
    return False


def settle(
    prepared: Prepared,
    known: Mapping[bytes, bytes],
    totals: Mapping[TotalKey, Total],
    *,
    remembered: Remembered = NOTHING_REMEMBERED,
) -> Settled:
    """Decide a prepared batch.

    `known` maps the identities booked before to their body digests; `totals` are the running totals so far, and
    `remembered` is what else prices are functions of: all locked.
    """
    settled = Settled(dead_letters=prepared.dead_letters, running=RunningTotals(totals, remembered))
    digests: dict[bytes, bytes] = {}
    rate, debits = settled.running.rate, settled.debits
    for key, first in prepared.firsts.items():
        event = first.received.event
        booked = known.get(key)
        digests[key] = event.body_digest if booked is None else booked
        if booked is not None:
            _retry_or_conflict(settled, first.received, booked)
        elif type(first) is Waiting:
            settled.waiting.append(first)
        elif type(first) is Usage:
            wallet_id = first.place.wallet_id
            debits[wallet_id] = debits.get(wallet_id, 0) + rate(first)
            settled.rated.append(first)
    for repeat in prepared.repeats:
        _retry_or_conflict(settled, repeat, digests[repeat.event.key])
    return settled


def _retry_or_conflict(settled: Settled, received: ReceivedEvent, booked_digest: bytes) -> None:
    same = received.event.body_digest == booked_digest
    (settled.duplicates if same else settled.conflicts).append(received)


_DAY_MICROS = 86_400_000_000

__all__ = [
    "DeadLetter",
    "Origin",
    "Outcome",
    "Partition",
    "Prepared",
    "ReceivedEvent",
    "Settled",
    "Total",
    "TotalKey",
    "Usage",
    "Waiting",
    "prepare",
    "repeats_a_day_apart",
    "settle",
]
