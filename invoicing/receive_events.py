"""Receive events: a batch of Kafka records is stored once and handed to its family's use case, in one transaction.

Called again with the same records (a redelivery), it stores nothing and hands nothing over.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from domain.metering import DeadLetter, Outcome, Partition
from domain.receiving import Received, Sorted, sort_out
from domain.usage import RefusalReason
from invoicing.metering_ports import Balance, OffsetRange
from invoicing.receiving_ports import Handler, ReceivingStore, Unbookable
from invoicing.records import Record

Fact = TypeVar("Fact")
Decoder = Callable[[Iterable[Record]], tuple[list[Received[Fact]], list[DeadLetter]]]
Preparation = Callable[[Sequence[Received[Fact]], Any], None]
UNBOOKABLE_MAX: Final = 100
"""Events of one transaction that may fail for reasons nobody foresaw: with more, the fault is this program's, not theirs."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a call did: how many events ended how, how many records had been stored before, what to tell the cache."""

    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    redelivered_records: int = 0
    balances: Sequence[Balance] = ()


@dataclass(frozen=True, slots=True)
class ReceiveEvents(Generic[Fact]):
    """The use case for one family. Rates are low, so that a batch is a plain transaction and nothing is remembered."""

    store: ReceivingStore
    decode: Decoder[Fact]
    handler: Handler[Fact, Any]
    prepare: Preparation[Fact] | None = None
    """Told of a transaction's new events before the first is handed over."""
    records_max: int | None = None
    """Records a transaction: None, all there are. What is applied holds up others, so such families take few at a time."""

    def receive(self, records: Sequence[Record]) -> Receipt:
        """Store a batch. Raises what the store and the handler raise; a repetition finds what is stored by then."""
        size = self.records_max or max(len(records), 1)
        return _sum([self._receive(records[start : start + size]) for start in range(0, len(records), size)])

    def _receive(self, records: Sequence[Record]) -> Receipt:
        """Everything of these records is stored by one transaction, or nothing is."""
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
            handled_as = self._hand_over(events, transaction)
            transaction.save(events, handled_as, _ranges(fresh))
        outcomes = {
            Outcome.ACCEPTED: len(events.accepted),
            Outcome.DUPLICATE: len(events.duplicates),
            Outcome.CONFLICT: len(events.conflicts),
            Outcome.DEAD_LETTERED: len(events.dead_letters),
        }
        return Receipt(outcomes, redelivered, transaction.told)

    def _hand_over(self, events: Sorted[Fact], transaction: Any) -> list[str]:
        """What became of each new event, in their order. Those that cannot be handled become dead letters."""
        if self.prepare is not None:
            self.prepare(events.accepted, transaction)
        accepted: list[Received[Fact]] = []
        handled_as: list[str] = []
        failed = 0
        for item in events.accepted:
            try:
                handled_as.append(self.handler.handle(item, transaction))
                accepted.append(item)
            except Unbookable as error:
                failed += 1
                if failed > UNBOOKABLE_MAX:
                    raise
                letter = DeadLetter(item.origin, item.index, RefusalReason.UNBOOKABLE, str(error), item.payload)
                events.dead_letters.append(letter)
        events.accepted = accepted
        return handled_as


def _sum(receipts: Sequence[Receipt]) -> Receipt:
    if len(receipts) == 1:
        return receipts[0]
    outcomes: Counter[Outcome] = Counter()
    for receipt in receipts:
        outcomes.update(receipt.outcomes)
    balances = [balance for receipt in receipts for balance in receipt.balances]
    return Receipt(outcomes, sum(receipt.redelivered_records for receipt in receipts), balances)


def _is_fresh(record: Record, next_offsets: Mapping[Partition, int]) -> bool:
    origin = record.origin
    return origin.offset >= next_offsets[origin.topic, origin.partition]


def _ranges(records: Iterable[Record]) -> dict[Partition, OffsetRange]:
    offsets: dict[Partition, list[int]] = {}
    for record in records:
        offsets.setdefault((record.origin.topic, record.origin.partition), []).append(record.origin.offset)
    return {partition: OffsetRange(min(found), max(found) + 1, len(found)) for partition, found in offsets.items()}
