"""Sending saved messages: a CloudEvent each, keyed so that those of one account keep their order."""

from collections.abc import Sequence
from typing import Final

import msgspec
from confluent_kafka import KafkaError as ProducerError
from confluent_kafka import KafkaException, Message, Producer

from domain.errors import EngineUnavailable
from invoicing.relay_outbox import SavedMessage

_FLUSH_SECONDS: Final = 30
_SOURCE: Final = "/otpless/billing"


class KafkaMessages:
    """An idempotent producer of messages."""

    def __init__(self, bootstrap: str, *, prefix: str) -> None:
        self._prefix = prefix
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 0,
                "delivery.report.only.error": True,
                "message.timeout.ms": 20_000,
                "log_level": 2,
            }
        )

    def send(self, messages: Sequence[SavedMessage]) -> None:
        """Send in order and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._failures.clear()
        try:
            for message in messages:
                self._producer.produce(
                    self._prefix + message.topic,
                    key=message.key.encode(),
                    value=_cloud_event(message),
                    on_delivery=self._delivered,
                )
        except (BufferError, KafkaException) as error:
            raise EngineUnavailable(f"Kafka does not take messages ({error}): see `make status`") from error
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting or self._failures:
            reason = self._failures[0] if self._failures else f"{waiting} unacknowledged after {_FLUSH_SECONDS} s"
            self._producer.purge()
            raise EngineUnavailable(f"Kafka does not take messages ({reason}): see `make status`")

    def _delivered(self, error: ProducerError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())


def _cloud_event(message: SavedMessage) -> bytes:
    event = {
        "specversion": "1.0",
        "id": str(message.message_id),
        "source": _SOURCE,
        "type": message.type,
        "subject": message.subject,
        "time": message.created_at.isoformat(),
        "data": msgspec.Raw(message.data_json.encode()),
    }
    return msgspec.json.encode(event)
