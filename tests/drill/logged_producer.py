"""A producer that keeps a log of what the broker took: which bytes, where it put them, and when."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import Producer

from tests.installation import Installation

_FLUSH_SECONDS = 180


class SentRecord(NamedTuple):
    """A record the broker acknowledged: where it put it, when, and the bytes."""

    partition: int
    offset: int
    received_micros: int
    value: bytes


@dataclass
class LoggedProducer:
    """Sends to one topic of an installation. Used by one thread at a time."""

    installation: Installation
    topic: str
    log: list[SentRecord] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Records the broker did not acknowledge, with why: none, or the log does not tell what was sent."""

    def __post_init__(self) -> None:
        self._name = self.installation.topic(self.topic)
        self._producer = Producer(
            {
                "bootstrap.servers": self.installation.settings.kafka_bootstrap,
                "enable.idempotence": True,
                "linger.ms": 2,
                "queue.buffering.max.messages": 1_000_000,
                "log_level": 0,
            }
        )

    def send(self, key: str, value: bytes) -> None:
        """Hand over a record; waits while the client's queue is full."""
        while True:
            try:
                self._producer.produce(self._name, value=value, key=key.encode(), on_delivery=self._answered)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def listen(self) -> None:
        """Take what the broker has answered."""
        self._producer.poll(0)

    def finish(self) -> None:
        """Wait until the broker has answered for every record."""
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting:
            raise AssertionError(f"Kafka did not answer for {waiting} records within {_FLUSH_SECONDS} s")

    def _answered(self, error: Any, message: Any) -> None:
        if error is not None:
            self.refused.append(str(error))
        else:
            _, appended_millis = message.timestamp()
            self.log.append(SentRecord(message.partition(), message.offset(), appended_millis * 1000, message.value()))
