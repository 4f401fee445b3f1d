"""Topics watched from now on, and records put on others one at a time, both with the broker's time of append."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from domain.errors import EngineUnavailable

_ANSWER_SECONDS: Final = 10
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Observed:
    """A record as it was seen; `event` is its CloudEvent, `appended_ms` milliseconds since the Unix epoch."""

    topic: str
    key: str
    event: dict[str, Any]
    appended_ms: int


class ObservedTopics:
    """Some topics of one installation, from their ends at the time this is made. Raises EngineUnavailable."""

    def __init__(self, bootstrap: str, *, prefix: str, topics: Sequence[str]) -> None:
        self._prefix = prefix
        self._failures: list[str] = []
        self._appended_ms = 0
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "enable.idempotence": True, "message.timeout.ms": 20_000, "log_level": 0}
        )
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": "observer", "enable.auto.commit": False, "log_level": 0}
        )
        try:
            self._consumer.assign([end for topic in topics for end in self._ends(prefix + topic)])
        except KafkaException as error:
            raise EngineUnavailable(f"Kafka does not answer ({error.args[0].str()}): see `make status`") from error

    def append(self, topic: str, value: bytes, *, key: str) -> int:
        """Put one record on a topic; returns when the broker appended it, in milliseconds. Raises EngineUnavailable."""
        self._failures.clear()
        self._producer.produce(self._prefix + topic, value=value, key=key.encode(), on_delivery=self._delivered)
        if self._producer.flush(_ANSWER_SECONDS) or self._failures:
            reason = self._failures[0] if self._failures else f"no answer in {_ANSWER_SECONDS} s"
            raise EngineUnavailable(f"Kafka does not take an event ({reason}): see `make status`")
        return self._appended_ms

    def read(self) -> list[Observed]:
        """What has come since the last time, at once; nothing when nothing has."""
        return [
            Observed(
                str(message.topic()).removeprefix(self._prefix),
                (message.key() or b"").decode(),
                orjson.loads(message.value() or b"{}"),
                message.timestamp()[1],
            )
            for message in self._consumer.consume(_AT_ONCE, timeout=0)
            if message.error() is None
        ]

    def close(self) -> None:
        """Stop watching."""
        self._consumer.close()

    def _ends(self, topic: str) -> list[TopicPartition]:
        known = self._consumer.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic].partitions
        return [
            TopicPartition(topic, number, self._consumer.get_watermark_offsets(TopicPartition(topic, number))[1])
            for number in known
        ]

    def _delivered(self, error: Any, message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())
        else:
            self._appended_ms = message.timestamp()[1]
