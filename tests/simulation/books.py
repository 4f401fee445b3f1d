"""The books in memory: what PostgreSQL does for metering, with its transactions, locks, unique keys and lost answers.

Writes are applied at the commit or not at all. Locks are real: whoever meets one gets what a lock timeout gives.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from domain.attribution import RatingConfig
from domain.errors import EngineUnavailable
from domain.metering import Partition, Prepared, Settled, Total, TotalKey, Usage, Waiting
from domain.rating.places import StateKey
from domain.rating.running import Remembered, State
from domain.rating.touched import touched_by
from invoicing.metering_ports import AlreadyCounted, Balance, OffsetRange, Outdated, Position
from invoicing.records import Record
from tests.simulation.faults import Faults
from tests.simulation.terms import ACCOUNTS, wallet_ids

_DAY_MICROS = 86_400_000_000


@dataclass(slots=True)
class BookedBatch:
    """A row of `batch` with all that hangs on it."""

    batch_id: int
    config_version: int
    ranges: Mapping[Partition, OffsetRange]
    settled: Settled
    records: Sequence[Record]
    """In the order the worker took them: the order the reference model books in."""
    announced: bool = False
    warehoused: bool = False


@dataclass(slots=True)
class Books:
    """Everything that is committed."""

    config: RatingConfig
    wallets: dict[int, Balance]
    next_offsets: dict[Partition, int] = field(default_factory=dict)
    claims: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    """Digest and claiming time by identity."""
    events: dict[tuple[bytes, int], tuple[int, Usage]] = field(default_factory=dict)
    """Batch and event by identity and event time, the permanent key."""
    waiting: dict[bytes, bytes] = field(default_factory=dict)
    totals: dict[TotalKey, Total] = field(default_factory=dict)
    positions: dict[TotalKey, Total] = field(default_factory=dict)
    states: dict[StateKey, State] = field(default_factory=dict)
    values: set[bytes] = field(default_factory=set)
    ledger: list[tuple[int, int, int]] = field(default_factory=list)
    """Wallet, version and amount of each entry."""
    batches: dict[int, BookedBatch] = field(default_factory=dict)
    journal: list[BookedBatch | RatingConfig] = field(default_factory=list)
    """Batches and changes of configuration in the order they were committed."""
    locks: dict[object, "MemoryTransaction"] = field(default_factory=dict)
    holders: dict[str, object] = field(default_factory=dict)
    """The session that holds each advisory lock."""
    batch_ids: int = 0

    def change(self, config: RatingConfig) -> bool:
        """Change the configuration, unless a batch is being booked."""
        if self.locks:
            return False
        self.config = config
        self.journal.append(config)
        return True


class MemoryMeteringStore:
    """The metering store of one worker."""

    def __init__(self, books: Books, faults: Faults) -> None:
        self.books = books
        self.faults = faults
        self.taken: Sequence[Record] = ()
        """What the worker is about to book; noted for the reference model."""

    def config(self) -> RatingConfig:
        self._step("reading the configuration")
        return self.books.config

    def balances(self, account_ids: Sequence[int]) -> list[Balance]:
        self._step("reading balances")
        wanted = {
            wallet_id for number in account_ids for wallet_id in wallet_ids(number, list(ACCOUNTS)[number - 1]).values()
        }
        return [wallet for wallet in self.books.wallets.values() if wallet.wallet_id in wanted]

    def all_balances(self) -> list[Balance]:
        self._step("reading all balances")
        return list(self.books.wallets.values())

    @contextmanager
    def begin(self) -> Iterator["MemoryTransaction"]:
        self._step("before BEGIN")
        transaction = self.transaction()
        try:
            yield transaction
            self._step("before COMMIT")
            transaction.commit()
        finally:
            transaction.end()
        self._step("COMMIT done, its answer on the way")

    def transaction(self) -> "MemoryTransaction":
        return MemoryTransaction(self.books, self.faults, self.taken)

    def _step(self, name: str) -> None:
        self.faults.step(name, engine="PostgreSQL")


class MemoryTransaction:
    """One batch's transaction."""

    def __init__(self, books: Books, faults: Faults, taken: Sequence[Record]) -> None:
        self.books = books
        self.faults = faults
        self.claimed: dict[bytes, tuple[bytes, int]] = {}
        self._taken = taken
        self._open = True
        self._booked: BookedBatch | None = None
        self._wallets: dict[int, Balance] = {}

    def open(self, prepared: Prepared, partitions: Sequence[Partition], *, counted: Collection[bytes]) -> Position:
        self._step("before opening")
        books = self.books
        claiming = {key: first for key, first in prepared.firsts.items() if key not in counted}
        touched = touched_by(prepared.usages())
        self._lock([("partition", *partition) for partition in sorted(partitions)])
        self._lock([("identity", key) for key in sorted(claiming)])
        self._lock([("wallet", wallet_id) for wallet_id in sorted(touched.wallets)])
        self._lock([("position", *key) for key in sorted(touched.positions)])
        known = {}
        for key, first in claiming.items():
            digest, received = first.received.event.body_digest, first.received.origin.received_micros
            claim = books.claims.get(key)
            if claim is not None and claim[1] > received - _DAY_MICROS:
                known[key] = claim[0]
            else:
                self.claim(key, digest, received)
        for key, first in prepared.firsts.items():
            if type(first) is Waiting and key in books.waiting:
                known[key] = books.waiting[key]
        position = Position(
            books.config.version,
            {partition: self.progress(partition) for partition in partitions},
            known,
            {key: replace(books.totals[key]) for key in touched.totals if key in books.totals},
            Remembered(
                {key: replace(books.positions[key]) for key in touched.positions if key in books.positions},
                {key: books.states[key] for key in touched.states if key in books.states},
                {key for key in touched.values if key in books.values},
            ),
        )
        self._step("opened")
        return position

    def progress(self, partition: Partition) -> int:
        return self.books.next_offsets.get(partition, 0)

    def claim(self, key: bytes, digest: bytes, received_micros: int) -> None:
        self.claimed[key] = (digest, received_micros)

    def save(self, settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> list[Balance]:
        self._step("before saving")
        books = self.books
        counted = {}
        for usage in settled.rated:
            event = usage.received.event
            stored = books.events.get((event.key, event.time_micros))
            if stored is not None:
                counted[event.key] = stored[1].received.event.body_digest
        if counted:
            self.end()
            raise AlreadyCounted(counted)
        if settled.totals and self.faults.chance(0.01):
            self.end()
            raise Outdated
        books.batch_ids += 1
        records = [record for record in self._taken if _covers(ranges, record)]
        self._booked = BookedBatch(books.batch_ids, books.config.version, ranges, settled, records)
        for wallet_id, micros in settled.debits.items():
            wallet = books.wallets[wallet_id]
            self._wallets[wallet_id] = replace(
                wallet, balance_micros=wallet.balance_micros - micros, version=wallet.version + 1
            )
        self._step("saved")
        return list(self._wallets.values())

    def commit(self) -> None:
        self._refuse_when_ended()
        books, booked = self.books, self._booked
        books.claims.update(self.claimed)
        if booked is None:
            return
        settled = booked.settled
        for usage in settled.rated:
            event = usage.received.event
            books.events[event.key, event.time_micros] = (booked.batch_id, usage)
        books.waiting.update({wait.received.event.key: wait.received.event.body_digest for wait in settled.waiting})
        running = settled.running
        for kept, changed in ((books.totals, running.added), (books.positions, running.positions)):
            kept.update({key: kept.get(key, Total()) + added for key, added in changed.items()})
        books.states.update(running.states)
        books.values.update(running.values)
        for wallet_id, wallet in self._wallets.items():
            books.ledger.append((wallet_id, wallet.version, -settled.debits[wallet_id]))
            books.wallets[wallet_id] = wallet
        books.next_offsets.update({partition: span.next_offset for partition, span in booked.ranges.items()})
        books.batches[booked.batch_id] = booked
        books.journal.append(booked)

    def end(self) -> None:
        """Give up the locks; what was not committed is gone."""
        self._open = False
        for name in [name for name, owner in self.books.locks.items() if owner is self]:
            del self.books.locks[name]

    def _step(self, name: str) -> None:
        self._refuse_when_ended()
        self.faults.step(name, engine="PostgreSQL")
        if self.faults.chance(0.01):
            # The server ends a session that stands still for too long, and with it its transaction.
            self.end()

    def _refuse_when_ended(self) -> None:
        if not self._open:
            raise EngineUnavailable("PostgreSQL does not answer: it ended this transaction")

    def _lock(self, names: list[Any]) -> None:
        for name in names:
            if self.books.locks.setdefault(name, self) is not self:
                raise EngineUnavailable(f"PostgreSQL does not answer: lock timeout at {name}")


def _covers(ranges: Mapping[Partition, OffsetRange], record: Record) -> bool:
    span = ranges.get((record.origin.topic, record.origin.partition))
    return span is not None and span.first_offset <= record.origin.offset < span.next_offset
