"""Sending saved messages: a CloudEvent each, keyed so that those of one account keep their order."""

from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.kafka.sole_producer import SoleProducer
from invoicing.relay_outbox import SavedMessage

_SOURCE: Final = "/otpless/billing"


class KafkaMessages:
    """The sender of saved messages, one at a time among all that are set up for the same topics."""

    def __init__(self, bootstrap: str, *, prefix: str) -> None:
        self._prefix = prefix
        self._producer = SoleProducer(bootstrap, name=f"{prefix}outbox", what="messages")

    @property
    def in_charge(self) -> bool:
        """Whether it took charge, and has not heard that another did."""
        return self._producer.in_charge

    def take_charge(self) -> None:
        """Be the one that sends: what another still sends after this is refused. Raises EngineUnavailable."""
        self._producer.take_charge()

    def send(self, messages: Sequence[SavedMessage]) -> None:
        """Send in order, all or none. Raises EngineUnavailable, also when another took charge; they may be there then."""
        self._producer.send_all(
            (self._prefix + message.topic, message.key.encode(), _cloud_event(message)) for message in messages
        )


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
