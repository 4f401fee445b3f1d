"""Receive events: a batch of Kafka records is stored once and handed to its family's use case, in one transaction.

Called again with the same records (a redelivery), it stores nothing and hands nothing over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain.metering import DeadLetter, Outcome, Partition
from domain.receiving import Received, sort_out
from invoicing.metering_ports import OffsetRange
from invoicing.receiving_ports import Handler, ReceivingStore
from invoicing.records import Record

Fact = TypeVar("Fact")
Decoder = Callable[[Iterable[Record]], tuple[list[Received[Fact]], list[DeadLetter]]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a call did: how many events ended how, and how many records had been stored before."""

    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    redelivered_records: int = 0


@dataclass(frozen=True, slots=True)
class ReceiveEvents(Generic[Fact]):
    """The use case for one family. Rates are low, so that a batch is one plain transaction and nothing is remembered."""

    store: ReceivingStore
    decode: Decoder[Fact]
    handler: Handler[Fact]

    def receive(self, records: Sequence[Record]) -> Receipt:
        """Store a batch. Raises what the store and the handler raise; nothing was stored then, or a repetition finds it."""
        partitions = sorted({(record.origin.topic, record.origin.partition) for record in records})
        with self.store.begin() as transaction:
            next_offsets = transaction.open(partitions)
            fresh = [record for record in records if _is_fresh(record, next_offsets)]
            redelivered = len(records) - len(fresh)
            if not fresh:
                return Receipt(redelivered_records=redelivered)
            received, dead_letters = self.decode(fresh)
            known = transaction.known([item.event.key for item in received])
            events = sort_out(received, dead_letters, known)
            handled_as = [self.handler.handle(item, transaction) for item in events.accepted]
            transaction.save(events, handled_as, _ranges(fresh))
        outcomes = {
            Outcome.ACCEPTED: len(events.accepted),
            Outcome.DUPLICATE: len(events.duplicates),
            Outcome.CONFLICT: len(events.conflicts),
            Outcome.DEAD_LETTERED: len(events.dead_letters),
        }
        return Receipt(outcomes, redelivered)


def _is_fresh(record: Record, next_offsets: Mapping[Partition, int]) -> bool:
    origin = record.origin
    return origin.offset >= next_offsets[origin.topic, origin.partition]


def _ranges(records: Iterable[Record]) -> dict[Partition, OffsetRange]:
    offsets: dict[Partition, list[int]] = {}
    for record in records:
        offsets.setdefault((record.origin.topic, record.origin.partition), []).append(record.origin.offset)
    return {partition: OffsetRange(min(found), max(found) + 1, len(found)) for partition, found in offsets.items()}
