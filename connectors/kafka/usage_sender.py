"""Sending usage events as producers do: one idempotent producer for each compression, in the order given."""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from domain.errors import EngineUnavailable

_FLUSH_SECONDS: Final = 60
_POLL_EVERY: Final = 200
_QUEUE_FULL_SECONDS: Final = 0.05


class UsageEventSender:
    """Sends to one topic. Records of one key and codec arrive in the order they were sent."""

    def __init__(self, bootstrap: str, *, topic: str, codecs: Sequence[str]) -> None:
        self._topic = topic
        self._failures: list[str] = []
        self._sent = 0
        self._producers = {
            codec: Producer(
                {
                    "bootstrap.servers": bootstrap,
                    "client.id": f"usage-{codec}",
                    "compression.type": codec,
                    "enable.idempotence": True,
                    "linger.ms": 5,
                    # Beyond what the topic takes, so that the broker decides and not this client.
                    "message.max.bytes": 16_777_216,
                    "message.timeout.ms": 30_000,
                    "log_level": 0,
                }
            )
            for codec in codecs
        }

    def send(self, key: str, value: bytes, *, codec: str) -> None:
        """Queue a record; returns before it is acknowledged. Raises EngineUnavailable when earlier ones were not taken."""
        producer = self._producers[codec]
        while True:
            try:
                producer.produce(self._topic, value=value, key=key.encode(), on_delivery=self._delivered)
                break
            except BufferError:
                producer.poll(_QUEUE_FULL_SECONDS)
            except KafkaException as error:
                raise EngineUnavailable(f"Kafka does not take events ({error}): see `make status`") from error
        self._sent += 1
        if self._sent % _POLL_EVERY == 0:
            for each in self._producers.values():
                each.poll(0)
            self._refuse_failures()

    def flush(self) -> None:
        """Wait until every record is acknowledged. Raises EngineUnavailable; some may have been taken then."""
        waiting = sum(producer.flush(_FLUSH_SECONDS) for producer in self._producers.values())
        self._refuse_failures()
        if waiting:
            raise EngineUnavailable(f"Kafka has not taken {waiting} records after {_FLUSH_SECONDS} s: see `make status`")

    def _refuse_failures(self) -> None:
        if self._failures:
            raise EngineUnavailable(f"Kafka does not take events ({self._failures[0]}): see `make status`")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())
