"""Sending saved messages: a CloudEvent each, keyed so that those of one account keep their order."""

from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.kafka.acknowledged_producer import AcknowledgedProducer
from invoicing.relay_outbox import SavedMessage

_SOURCE: Final = "/otpless/billing"


class KafkaMessages:
    """An idempotent producer of messages."""

    def __init__(self, bootstrap: str, *, prefix: str) -> None:
        self._prefix = prefix
        self._producer = AcknowledgedProducer(bootstrap, what="messages", linger_ms=0)

    def send(self, messages: Sequence[SavedMessage]) -> None:
        """Send in order and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._producer.begin()
        for message in messages:
            self._producer.send(self._prefix + message.topic, _cloud_event(message), key=message.key.encode())
        self._producer.finish()


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
