"""Putting events back on their topic, one record each, keyed by alias."""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from domain.errors import EngineUnavailable
from invoicing.release_quarantine import WaitingEvent

_FLUSH_SECONDS: Final = 30


class KafkaResender:
    """Sends quarantined events again; the topic is the one they came from."""

    def __init__(self, bootstrap: str) -> None:
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "message.max.bytes": 16_777_216,  # an event may be larger than the library's own limit
                "message.timeout.ms": 20_000,
                "log_level": 2,
            }
        )

    def send(self, events: Sequence[WaitingEvent]) -> None:
        """Send and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        self._failures.clear()
        for event in events:
            try:
                self._producer.produce(event.topic, value=event.payload, key=event.key, on_delivery=self._delivered)
            except KafkaException as error:
                raise EngineUnavailable(f"Kafka does not take events ({error}): see `make status`") from error
            self._producer.poll(0)
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting or self._failures:
            reason = self._failures[0] if self._failures else f"{waiting} records unacknowledged after {_FLUSH_SECONDS} s"
            raise EngineUnavailable(f"Kafka does not take events ({reason}): see `make status`, then run this again")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())
