"""Sending results on: usage.rated, dead letters and conflicts, acknowledged by the broker before anything is marked."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from connectors.kafka.acknowledged_producer import AcknowledgedProducer
from invoicing.publish_usage import Announcement, RatedBatch, RefusedEvent

_ARRAY_EVENTS_MAX: Final = 500
_ARRAY_CHARACTERS_MAX: Final = 1_000_000
"""Far below what the topic takes, whatever the characters."""
_BATCH_TYPE: Final = b"application/cloudevents-batch+json"


class KafkaAnnouncer:
    """An idempotent producer of this system's results."""

    def __init__(self, bootstrap: str, *, prefix: str) -> None:
        self._prefix = prefix
        self._producer = AcknowledgedProducer(
            bootstrap,
            what="results",
            compression_type="lz4",
            linger_ms=1,
            message_max_bytes=16_777_216,
            queue_buffering_max_messages=200_000,
        )

    def announce(self, announcement: Announcement) -> None:
        """Send and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._producer.begin()
        if announcement.rated:
            self._send_rated(announcement.rated)
        for kind, refused in (("dead-letter", announcement.dead_letters), ("conflict", announcement.conflicts)):
            for item in refused:
                # Beside the topic it came from: payment.events.dead-letter and so on, one pair for each family.
                topic = f"{item.topic.removeprefix(self._prefix)}.{kind}"
                self._producer.send(self._prefix + topic, item.payload, headers=_origin_headers(item))
        self._producer.finish()

    def _send_rated(self, batches: Sequence[RatedBatch]) -> None:
        """Each partition's events in their order, in JSON arrays (the CloudEvents batch format)."""
        topic = self._prefix + "usage.rated"
        for partition in sorted({partition for batch in batches for partition in batch.records}):
            events = chain.from_iterable(batch.records.get(partition, ()) for batch in batches)
            for array in _arrays(events):
                self._producer.send(topic, array, headers=[("content-type", _BATCH_TYPE)], partition=partition)


def _arrays(events: Iterable[str]) -> Iterator[bytes]:
    """JSON arrays of events, as many as one may hold."""
    array: list[str] = []
    size = 0
    for event in events:
        if len(array) == _ARRAY_EVENTS_MAX or (array and size + len(event) > _ARRAY_CHARACTERS_MAX):
            yield f"[{','.join(array)}]".encode()
            array, size = [], 0
        array.append(event)
        size += len(event)
    if array:
        yield f"[{','.join(array)}]".encode()


def _origin_headers(item: RefusedEvent) -> list[tuple[str, bytes]]:
    facts = {
        "reason": item.reason,
        "detail": item.detail,
        "origin-topic": item.topic,
        "origin-partition": str(item.partition),
        "origin-offset": str(item.offset),
        "origin-index": "" if item.index is None else str(item.index),
    }
    return [(name, value.encode()) for name, value in facts.items()]
