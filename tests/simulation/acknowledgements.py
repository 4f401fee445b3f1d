"""The worker's real bookkeeping of acknowledgements (streams/batched_consumer.py), without a broker."""

from collections import defaultdict, deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from domain.metering import Partition
from invoicing.records import Record
from streams.batched_consumer import BatchedConsumer, Fetch

_APP = SimpleNamespace(topics=SimpleNamespace(acks_enabled_for=lambda topic: True), consumer_generation_id=1)


class Acknowledgements:
    """Which fetches were handed out, which came back, and how far each partition may be committed."""

    def __init__(self) -> None:
        consumer = self._consumer = BatchedConsumer.__new__(BatchedConsumer)
        consumer.app = _APP
        consumer._unacked_messages = set()
        consumer._waiting_for_ack = None
        consumer._n_acked = 0
        self.forget()

    def forget(self) -> None:
        """The partitions were given to others, or anew to this worker: what was handed out of them counts no more."""
        consumer = self._consumer
        consumer._acked = defaultdict(list)
        consumer._acked_index = defaultdict(set)
        consumer._committed_offset = defaultdict(lambda: None)
        consumer._outstanding = defaultdict(deque)

    def hand_out(self, records: Sequence[Record]) -> Any:
        """A fetch of one partition as the message the agent gets."""
        last = records[-1].origin
        fetch = SimpleNamespace(
            topic=last.topic,
            partition=last.partition,
            offset=last.offset,
            timestamp=last.received_micros // 1000,
            timestamp_type=1,
            headers=(),
            key=None,
            value=Fetch(records, {TP(last.topic, last.partition): last.offset}),
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
        )
        return self._consumer._to_message(TP(last.topic, last.partition), fetch)

    def acknowledge(self, message: Any) -> None:
        """This fetch is booked."""
        self._consumer.ack(message)

    def pending(self) -> bool:
        """Whether an offset may be committed. What was handed out before a rebalance comes back in vain."""
        outstanding, acked = self._consumer._outstanding, self._consumer._acked_index
        return any(waiting and waiting[0] in acked[tp] for tp, waiting in list(outstanding.items()))

    def committable(self) -> dict[Partition, int]:
        """The offsets that may be committed now."""
        found = {tuple(tp): self._consumer._new_offset(tp) for tp in list(self._consumer._acked)}
        return {partition: offset for partition, offset in found.items() if offset is not None}
