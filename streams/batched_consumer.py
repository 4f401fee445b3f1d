"""A Faust consumer that hands an agent a whole fetch of one partition as one event, and commits only what was acknowledged.

Stock Faust spends 85–170 µs of event loop on every message; this spends it on every fetch (docs/adr/0002). The value of an
event is the list of aiokafka's records; its offset is the last one's. Written against faust-streaming 0.15.3.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

_REST_SECONDS = 0.002
_FETCH_WAIT_MS = 50


class BatchedConsumer(driver.Consumer):
    """Delivers fetches, not messages; acknowledging an event acknowledges every record in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The last offsets of the events handed out, in order: only an unbroken run from the front may be committed.
        self._outstanding: dict[TP, deque[int]] = defaultdict(deque)
        self._rest_until = 0.0

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return PromptConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(  # Faust's signature
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109
    ) -> Mapping[TP, Sequence[Any]]:
        # A fetch returns as soon as one partition has one record. A short rest between fetches lets records gather, so
        # a steady trickle costs a few fetches instead of hundreds a second; after a silence nothing waits.
        await asyncio.sleep(self._rest_until - self.loop.time())
        fetched = await super()._getmany(active_partitions, timeout)
        self._rest_until = self.loop.time() + _REST_SECONDS
        return {partition: [_as_one_record(records)] for partition, records in fetched.items() if records}

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust takes the offsets inside an event for a gap that may be committed: never here."""

    def _to_message(self, tp: TP, record: Any) -> Any:
        message = super()._to_message(tp, record)
        outstanding = self._outstanding[message.tp]
        if not outstanding or message.offset > outstanding[-1]:
            outstanding.append(message.offset)
        return message

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
    """Faust's consumer thread with a fetch that waits briefly.

    While a fetch waits at the broker, aiokafka asks nothing for the partitions that are not in it, those whose records were
    just being consumed. Faust lets it wait 1.5 s, and that long an event on such a partition could lie.
    """

    async def on_start(self) -> None:
        """Start the consumer, then shorten its fetches."""
        await super().on_start()
        self._ensure_consumer()._fetcher._fetch_max_wait_ms = _FETCH_WAIT_MS


class BatchedTransport(driver.Transport):
    """aiokafka's transport with the batched consumer."""

    Consumer = BatchedConsumer


def _as_one_record(records: Sequence[Any]) -> SimpleNamespace:
    last = records[-1]
    return SimpleNamespace(
        topic=last.topic,
        partition=last.partition,
        offset=last.offset,
        timestamp=last.timestamp,
        timestamp_type=last.timestamp_type,
        headers=(),
        key=None,
        value=records,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
    )
