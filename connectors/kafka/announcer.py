"""Sending results on: usage.rated, dead letters and conflicts, acknowledged by the broker before anything is marked."""

from datetime import UTC
from typing import Final

import msgspec
from confluent_kafka import KafkaError as ProducerError
from confluent_kafka import KafkaException, Message, Producer

from domain.errors import EngineUnavailable
from invoicing.publish_usage import Announcement, RatedEvent, RefusedEvent

_FLUSH_SECONDS: Final = 30
_JSON: Final = msgspec.json.Encoder()


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
                "linger.ms": 5,
                "message.max.bytes": 16_777_216,
                "message.timeout.ms": 20_000,
                "queue.buffering.max.messages": 200_000,
                "log_level": 2,
            }
        )

    def announce(self, announcement: Announcement) -> None:
        """Send and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._failures.clear()
        for event in announcement.rated:
            self._send("usage.rated", event.account.encode(), _rated_record(event), None)
        for kind, refused in (("dead-letter", announcement.dead_letters), ("conflict", announcement.conflicts)):
            for item in refused:
                # Beside the topic it came from: payment.events.dead-letter and so on, one pair for each family.
                topic = f"{item.topic.removeprefix(self._prefix)}.{kind}"
                self._send(topic, None, item.payload, _origin_headers(item))
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting or self._failures:
            reason = self._failures[0] if self._failures else f"{waiting} records unacknowledged after {_FLUSH_SECONDS} s"
            self._producer.purge()
            raise EngineUnavailable(f"Kafka does not take results ({reason}): see `make status`")

    def _send(self, topic: str, key: bytes | None, value: bytes, headers: list[tuple[str, bytes]] | None) -> None:
        while True:
            try:
                self._producer.produce(
                    self._prefix + topic,
                    value=value,
                    key=key,
                    headers=headers or [],
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


def _rated_record(event: RatedEvent) -> bytes:
    """A rated event as a CloudEvent of its own; its id is the identity of the event it rates."""
    return _JSON.encode(
        {
            "specversion": "1.0",
            "id": str(event.event_key),
            "source": "/otpless/billing",
            "type": "usage.rated",
            "subject": event.account,
            "time": event.event_time.astimezone(UTC),
            "data": {
                "source": event.source,
                "event_id": event.event_id,
                "alias": event.alias,
                "customer": event.customer,
                "meter": event.meter,
                "price_cell": event.price_cell,
                "plan_version": event.plan_version,
                "currency": event.currency,
                "quantity_millionths": event.quantity_millionths,
                "amount_micros": event.amount_micros,
                "batch_id": event.batch_id,
                "properties": msgspec.Raw(event.properties.encode()),
            },
        }
    )


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
