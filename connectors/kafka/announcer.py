"""Sending results on: usage.rated, dead letters and conflicts, acknowledged by the broker before anything is marked."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from confluent_kafka import KafkaError as ProducerError
from confluent_kafka import KafkaException, Message, Producer

from domain.errors import EngineUnavailable
from invoicing.publish_usage import Announcement, RatedBatch, RefusedEvent

_FLUSH_SECONDS: Final = 30
_ARRAY_EVENTS_MAX: Final = 500
_ARRAY_CHARACTERS_MAX: Final = 1_000_000
"""Far below what the topic takes, whatever the characters."""
_ANY_PARTITION: Final = -1
_BATCH_TYPE: Final = b"application/cloudevents-batch+json"


class KafkaAnnouncer:
    """An idempotent producer of this system's results."""

    def __init__(self, bootstrap: str, *, prefix: str) -> None:
        self._prefix = prefix
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 1,
                "delivery.report.only.error": True,
                "message.max.bytes": 16_777_216,
                "message.timeout.ms": 20_000,
                "queue.buffering.max.messages": 200_000,
                "log_level": 2,
            }
        )

    def announce(self, announcement: Announcement) -> None:
        """Send and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._failures.clear()
        if announcement.rated:
            self._send_rated(announcement.rated)
        for kind, refused in (("dead-letter", announcement.dead_letters), ("conflict", announcement.conflicts)):
            for item in refused:
                # Beside the topic it came from: payment.events.dead-letter and so on, one pair for each family.
                topic = f"{item.topic.removeprefix(self._prefix)}.{kind}"
                self._send(topic, item.payload, _origin_headers(item))
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting or self._failures:
            reason = self._failures[0] if self._failures else f"{waiting} records unacknowledged after {_FLUSH_SECONDS} s"
            self._producer.purge()
            raise EngineUnavailable(f"Kafka does not take results ({reason}): see `make status`")

    def _send_rated(self, batches: Sequence[RatedBatch]) -> None:
        """Each partition's events in their order, in JSON arrays (the CloudEvents batch format)."""
        for partition in sorted({partition for batch in batches for partition in batch.records}):
            events = chain.from_iterable(batch.records.get(partition, ()) for batch in batches)
            for array in _arrays(events):
                self._send("usage.rated", array, [("content-type", _BATCH_TYPE)], partition=partition)

    def _send(self, topic: str, value: bytes, headers: list[tuple[str, bytes]], *, partition: int = _ANY_PARTITION) -> None:
        while True:
            try:
                self._producer.produce(
                    self._prefix + topic,
                    value=value,
                    headers=headers,
                    partition=partition,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
                continue
            except KafkaException as error:
                raise EngineUnavailable(f"Kafka does not take results ({error}): see `make status`") from error
            self._producer.poll(0)
            return

    def _delivered(self, error: ProducerError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())


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
