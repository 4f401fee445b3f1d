"""Metering: from received events to outcomes. Every event ends as exactly one of five counted kinds (DESIGN §3.3).

The decision has two halves around one look at the database: `prepare` says what would be rated, and `settle` says,
once it is known which identities are new and where the running totals stand, what is rated, at how much, and what not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from domain.attribution import Account, RatingConfig
from domain.catalogue import Cell, Charge, PlanVersion
from domain.usage import RefusalReason, Refused, TimeWindow, UsageEvent, WaitReason

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


class Origin(NamedTuple):
    """Where a record came from. `received_micros` is Kafka's append time, microseconds since the Unix epoch."""

    topic: str
    partition: int
    offset: int
    received_micros: int


@dataclass(slots=True)
class ReceivedEvent:
    """A well-formed event with its place in its record and its bytes."""

    event: UsageEvent
    origin: Origin
    index: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that cannot be booked, with its bytes and the sentence its producer gets."""

    origin: Origin
    index: int | None
    """Place in the record; None when the whole record cannot be read."""
    reason: RefusalReason
    detail: str
    payload: bytes


class TotalKey(NamedTuple):
    """What a running total is of."""

    account_id: int
    service_month: date
    charge_id: int
    cell: str


@dataclass(slots=True)
class Usage:
    """A received event on its way to being rated."""

    received: ReceivedEvent
    account: Account
    plan: PlanVersion
    charge: Charge
    cell: Cell
    total_key: TotalKey
    amount_micros: int = 0


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
class Total:
    """A running total: quantity in millionths of a unit, amount in micros."""

    quantity_millionths: int = 0
    amount_micros: int = 0
    event_count: int = 0

    def __add__(self, added: "Total") -> "Total":
        return Total(
            self.quantity_millionths + added.quantity_millionths,
            self.amount_micros + added.amount_micros,
            self.event_count + added.event_count,
        )


@dataclass(slots=True)
class Settled:
    """What a batch does to the books."""

    rated: list[Usage] = field(default_factory=list)
    duplicates: list[ReceivedEvent] = field(default_factory=list)
    conflicts: list[ReceivedEvent] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    totals: dict[TotalKey, Total] = field(default_factory=dict)
    """What is added to each running total."""
    debits: dict[int, int] = field(default_factory=dict)
    """Micros taken from each wallet, by wallet id."""

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
    charge = plan.charges.get(event.meter)
    cell = charge.cell_for(event.properties) if charge is not None else None
    if charge is None or cell is None:
        return Waiting(item, WaitReason.NO_PRICE)
    month = account.service_month(event.time_micros)
    return Usage(item, account, plan, charge, cell, TotalKey(account.account_id, month, charge.charge_id, cell.name))


def repeats_a_day_apart(prepared: Prepared) -> bool:
    """Whether an identity came twice, 24 hours or more apart by the broker's clock.

    Then the second may be a new event (DESIGN §3.2), which takes a transaction of its own: a batch claims an identity once.
    """
    for repeat in prepared.repeats:
        first = prepared.firsts[repeat.event.key].received
        if abs(repeat.origin.received_micros - first.origin.received_micros) >= _DAY_MICROS:
            return True
    return False


def settle(prepared: Prepared, known: Mapping[bytes, bytes], totals: Mapping[TotalKey, Total]) -> Settled:
    """Decide a prepared batch.

    `known` maps the identities booked before to their body digests; `totals` are the running totals so far, locked.
    """
    settled = Settled(dead_letters=prepared.dead_letters)
    digests: dict[bytes, bytes] = {}
    for key, first in prepared.firsts.items():
        event = first.received.event
        booked = known.get(key)
        digests[key] = event.body_digest if booked is None else booked
        if booked is not None:
            _retry_or_conflict(settled, first.received, booked)
        elif type(first) is Waiting:
            settled.waiting.append(first)
        elif type(first) is Usage:
            _rate(settled, first, totals)
    for repeat in prepared.repeats:
        _retry_or_conflict(settled, repeat, digests[repeat.event.key])
    return settled


def _retry_or_conflict(settled: Settled, received: ReceivedEvent, booked_digest: bytes) -> None:
    same = received.event.body_digest == booked_digest
    (settled.duplicates if same else settled.conflicts).append(received)


def _rate(settled: Settled, usage: Usage, totals: Mapping[TotalKey, Total]) -> None:
    key = usage.total_key
    before = totals.get(key, _NOTHING)
    added = settled.totals.get(key)
    if added is None:
        added = settled.totals[key] = Total()
    added.quantity_millionths += usage.received.event.quantity_millionths
    amount_after = usage.cell.tariff.amount_micros(before.quantity_millionths + added.quantity_millionths)
    usage.amount_micros = amount_after - before.amount_micros - added.amount_micros
    added.amount_micros += usage.amount_micros
    added.event_count += 1
    settled.debits[usage.account.wallet_id] = settled.debits.get(usage.account.wallet_id, 0) + usage.amount_micros
    settled.rated.append(usage)


_DAY_MICROS = 86_400_000_000
_NOTHING = Total()
