"""Sending results on: usage.rated, dead letters and conflicts, acknowledged by the broker before anything is marked."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from confluent_kafka import KafkaError as ProducerError
from confluent_kafka import KafkaException, Message, Producer

from domain.errors import EngineUnavailable
from invoicing.publish_usage import Announcement, RatedEvent, RefusedEvent

_FLUSH_SECONDS: Final = 30
_JSON: Final = msgspec.json.Encoder()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _RatedData(msgspec.Struct, gc=False):
    source: str
    event_id: str
    alias: str
    customer: str
    meter: str
    price_cell: str
    plan_version: str
    currency: str
    quantity_millionths: int
    amount_micros: int
    batch_id: int
    properties: msgspec.Raw


class _RatedRecord(msgspec.Struct, gc=False):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: _RatedData


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

    def _send_rated(self, events: Sequence[RatedEvent]) -> None:
        """Hand over all at once; the queue has room for many times what is sent before it is flushed."""
        records = [_rated_record(event) for event in events]
        try:
            taken = self._producer.produce_batch(self._prefix + "usage.rated", records, on_delivery=self._delivered)
        except (BufferError, KafkaException) as error:
            raise EngineUnavailable(f"Kafka does not take results ({error}): see `make status`") from error
        if taken != len(records):
            self._failures.append(f"{len(records) - taken} records were not taken")

    def _send(self, topic: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        while True:
            try:
                self._producer.produce(
                    self._prefix + topic,
                    value=value,
                    headers=headers,
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


def _rated_record(event: RatedEvent) -> dict[str, bytes]:
    """A rated event as a CloudEvent of its own, keyed by account; its id is the identity of the event it rates."""
    data = _RatedData(
        event.source,
        event.event_id,
        event.alias,
        event.customer,
        event.meter,
        event.price_cell,
        event.plan_version,
        event.currency,
        event.quantity_millionths,
        event.amount_micros,
        event.batch_id,
        msgspec.Raw(event.properties.encode()),
    )
    time = _EPOCH + timedelta(0, 0, event.event_micros)
    record = _RatedRecord("1.0", event.event_key, "/otpless/billing", "usage.rated", event.account, time, data)
    return {"key": event.account.encode(), "value": _JSON.encode(record)}


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
