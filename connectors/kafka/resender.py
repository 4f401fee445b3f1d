"""Putting events back on their topic, one record each; by their alias as key, or on the partition they came from."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from domain.errors import EngineUnavailable
from invoicing.sending_again import EventToSend, Place

_FLUSH_SECONDS: Final = 30


class KafkaResender:
    """Sends events again; the topic is the one they came from."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "message.max.bytes": 16_777_216,  # an event may be larger than the library's own limit
                "message.timeout.ms": 20_000,
                "log_level": 2,
            }
        )

    def send(self, events: Sequence[EventToSend]) -> list[Place]:
        """Send and wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        failures: list[str] = []
        places: dict[int, Place] = {}
        for number, event in enumerate(events):
            target: dict[str, Any] = {"key": event.key} if event.key is not None else {"partition": event.partition}
            try:
                self._producer.produce(
                    event.topic, value=event.payload, on_delivery=_noted(number, places, failures), **target
                )
            except KafkaException as error:
                raise EngineUnavailable(f"Kafka does not take events ({error}): see `make status`") from error
            self._producer.poll(0)
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting or failures:
            reason = failures[0] if failures else f"{waiting} records unacknowledged after {_FLUSH_SECONDS} s"
            raise EngineUnavailable(f"Kafka does not take events ({reason}): see `make status`, then run this again")
        return [places[number] for number in range(len(events))]


def _noted(number: int, places: dict[int, Place], failures: list[str]) -> Callable[[KafkaError | None, Message], None]:
    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append(error.str())
        else:
            places[number] = Place(message.partition(), message.offset())

    return delivered
