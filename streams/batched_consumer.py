"""A Faust consumer that hands an agent a whole fetch as one event, and commits only what was acknowledged.

Stock Faust spends 85–170 µs of event loop on every message; this spends it on every fetch (docs/adr/0002). The value of an
event is a Fetch. It travels as a message of one of its partitions; acknowledging it acknowledges its records in all of
them. Written against faust-streaming 0.15.3.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

# While events come, the broker gathers them for a few milliseconds, unless there are plenty; aiokafka asks for the next
# fetch when the last one was taken. After a silence nothing is gathered: the first record is answered at once.
_GATHER_MS: Final = 6
_GATHER_BYTES: Final = 128 * 1024
_LISTEN_MS: Final = 500


class Fetch(NamedTuple):
    """What one fetch brought of one topic: records partition by partition, and each partition's last offset."""

    records: Sequence[Any]
    last_offsets: Mapping[TP, int]


class BatchedConsumer(driver.Consumer):
    """Delivers fetches, not messages; acknowledging an event acknowledges every record in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The last offsets of the fetches handed out, in order: only an unbroken run from the front may be committed.
        self._outstanding: dict[TP, deque[int]] = defaultdict(deque)

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return PromptConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(  # Faust's signature
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109
    ) -> Mapping[TP, Sequence[Any]]:
        return _one_record_a_topic(await super()._getmany(active_partitions, timeout))

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust takes the offsets inside an event for a gap that may be committed: never here."""

    def _to_message(self, tp: TP, record: Any) -> Any:
        message = super()._to_message(tp, record)
        for partition, offset in record.value.last_offsets.items():
            outstanding = self._outstanding[partition]
            if not outstanding or offset > outstanding[-1]:
                outstanding.append(offset)
        return message

    def ack(self, message: Any) -> bool:
        """Acknowledge every record of a fetch; Faust itself knows only the partition the fetch travels as."""
        acknowledged: bool = super().ack(message)
        if acknowledged:
            for partition, offset in message.value.last_offsets.items():
                if partition != message.tp:
                    self._acked_index[partition].add(offset)
                    self._acked[partition].append(offset)
        return acknowledged

    def _new_offset(self, tp: TP) -> int | None:
        acknowledged, outstanding, last = self._acked_index[tp], self._outstanding[tp], None
        while outstanding and outstanding[0] in acknowledged:
            last = outstanding.popleft()
            acknowledged.discard(last)
        self._acked[tp] = [offset for offset in self._acked[tp] if offset in acknowledged]
        return None if last is None else last + 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was handed out of partitions that belong to another worker from now on."""
        await super().on_partitions_revoked(revoked)
        for partition in revoked:
            self._outstanding.pop(partition, None)


class PromptConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with fetches that suit the traffic.

    Faust lets a fetch end with the first record of any partition, and wait up to 1.5 s for it. Under a steady trickle that
    is a fetch for every few records; and what arrives meanwhile on a partition that is not in the fetch waits that long.
    """

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Mapping[TP, Sequence[Any]]:
        fetched: Mapping[TP, Sequence[Any]] = await super()._fetch_records(consumer, *args, **kwargs)
        fetcher = consumer._fetcher
        fetcher._fetch_min_bytes = _GATHER_BYTES if fetched else 1
        fetcher._fetch_max_wait_ms = _GATHER_MS if fetched else _LISTEN_MS
        return fetched


class BatchedTransport(driver.Transport):
    """aiokafka's transport with the batched consumer."""

    Consumer = BatchedConsumer


def _one_record_a_topic(fetched: Mapping[TP, Sequence[Any]]) -> dict[TP, list[Any]]:
    """The records of each topic as one, that looks like the last of its first partition."""
    topics: dict[str, dict[TP, Sequence[Any]]] = defaultdict(dict)
    for partition, records in fetched.items():
        if records:
            topics[partition.topic][partition] = records
    ones = {}
    for parts in topics.values():
        carrier, records = next(iter(parts.items()))
        everything = [record for part in parts.values() for record in part] if len(parts) > 1 else records
        fetch = Fetch(everything, {partition: part[-1].offset for partition, part in parts.items()})
        ones[carrier] = [_carried_by(records[-1], fetch)]
    return ones


def _carried_by(last: Any, fetch: Fetch) -> SimpleNamespace:
    return SimpleNamespace(
        topic=last.topic,
        partition=last.partition,
        offset=last.offset,
        timestamp=last.timestamp,
        timestamp_type=last.timestamp_type,
        headers=(),
        key=None,
        value=fetch,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
    )
