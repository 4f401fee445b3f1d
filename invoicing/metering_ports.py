"""What metering needs from the world: a transactional store, a balance cache, and the truth to rate with."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from domain.attribution import RatingConfig
from domain.metering import Origin, Partition, Prepared, Settled, Total, TotalKey
from domain.rating.running import NOTHING_REMEMBERED, Remembered


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet after a change; of two, the higher version is the later."""

    wallet_id: int
    account_id: int
    balance_micros: int
    version: int


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets of one partition in a batch: from first_offset up to but not including next_offset."""

    first_offset: int
    next_offset: int
    records: int


@dataclass(slots=True)
class Position:
    """Where the books stand for a batch: read under lock, so nothing changes before the commit."""

    config_version: int
    next_offsets: Mapping[Partition, int]
    """Per partition of the batch; absent or 0 when nothing of it was booked yet."""
    known: Mapping[bytes, bytes]
    """Identities booked before this batch, with their body digests."""
    totals: Mapping[TotalKey, Total] = field(default_factory=dict)
    remembered: Remembered = NOTHING_REMEMBERED
    """What prices are functions of beside the running totals."""


class AlreadyCounted(Exception):
    """Some events are stored under the same identity and event time, from more than 24 h ago; carries their digests."""

    def __init__(self, known: Mapping[bytes, bytes]) -> None:
        super().__init__(f"{len(known)} events were counted before")
        self.known = known


class Outdated(Exception):
    """What the store remembered of earlier batches is not what the books say. Nothing was written; try again."""


class TooLarge(Exception):
    """A number, or a running total or balance with it, is larger than the books hold. Nothing was written."""


class MeteringTransaction(Protocol):
    """One database transaction: everything of a batch is booked by it, or nothing is."""

    def open(self, prepared: Prepared, partitions: Sequence[Partition], *, counted: Collection[bytes]) -> Position:
        """Lock what the batch touches and claim its identities but those `counted` before. Called once, first."""

    def save(self, settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> list[Balance]:
        """Write the batch. Called once, last.

        Raises AlreadyCounted when the permanent key refuses an event, and Outdated when the position was not the books'.
        """


class MeteringStore(Protocol):
    """The truth. Any failure means the transaction did not happen, or its outcome is told by `next_offsets`."""

    def config(self) -> RatingConfig:
        """The present truth to rate with."""

    def begin(self) -> AbstractContextManager[MeteringTransaction]:
        """A transaction: commits when left normally, rolls back when left by an exception."""

    def balances(self, account_ids: Sequence[int]) -> list[Balance]:
        """Committed balances of some accounts."""

    def all_balances(self) -> list[Balance]:
        """Committed balances of every wallet: what a cache is filled with."""


class BalanceCache(Protocol):
    """The fast copy of balances. May be told the same twice and out of order: an older version never wins."""

    def put(self, balances: Sequence[Balance]) -> Sequence[Balance]:
        """Take over balances; returns those for whose wallets something is reserved.

        Failing means only that the copy is stale until the next call.
        """


class HoldSettler(Protocol):
    """Where reservations live."""

    def release(self, account_id: int, hold_ids: Sequence[str]) -> int:
        """End reservations of the owner of a wallet; those that are not there (any more) are passed over."""


__all__ = [
    "AlreadyCounted",
    "Balance",
    "BalanceCache",
    "HoldSettler",
    "MeteringStore",
    "MeteringTransaction",
    "OffsetRange",
    "Origin",
    "Outdated",
    "Position",
]
