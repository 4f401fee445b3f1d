"""What receiving payment and config events needs from the world: a transactional store and somebody to hand events to."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from domain.metering import Partition
from domain.receiving import Received, Sorted
from invoicing.metering_ports import Balance, OffsetRange
from invoicing.poison import unbookable_because

Fact = TypeVar("Fact")
Transaction = TypeVar("Transaction", bound="ReceivingTransaction", contravariant=True)


class ReceivingTransaction(Protocol):
    """One database transaction of one family: everything of a batch is stored and handled by it, or nothing is."""

    def open(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Wait until no other transaction of the family runs; the next offset of each partition. Called once, first."""

    def known(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Identities stored before, with their body digests."""

    def tell(self, balances: Sequence[Balance]) -> None:
        """Balances that changed, to be told to the cache after the commit."""

    @property
    def told(self) -> Sequence[Balance]:
        """Every balance that `tell` was given."""

    def save(self, events: Sorted[Any], handled_as: Sequence[str], ranges: Mapping[Partition, OffsetRange]) -> None:
        """Write the batch; `handled_as` says what became of each accepted event. Called once, last."""


class ReceivingStore(Protocol):
    """The truth. Any failure means the transaction did not happen, or a repetition finds its records stored."""

    def begin(self) -> AbstractContextManager[ReceivingTransaction]:
        """A transaction: commits when left normally, rolls back when left by an exception."""


class Handler(Protocol[Fact, Transaction]):
    """The use case a family's events are handed to."""

    def handle(self, received: Received[Fact], transaction: Transaction) -> str:
        """Act on a new event inside the transaction that stores it, and say in a word what became of it.

        Called once for each event that commits. Effects outside the transaction are not allowed: it may still roll back.
        Raises Unbookable, leaving nothing written, for an event that is to become a dead letter.
        """


class Unbookable(Exception):
    """An event failed for a reason nobody foresaw, which is its cause."""

    def __init__(self, error: Exception) -> None:
        super().__init__(unbookable_because(error))
