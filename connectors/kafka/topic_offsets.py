"""How far a topic reaches: the first and the next offset of each of its partitions."""

import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.clock import monotonic_seconds
from domain.errors import EngineUnavailable, WrongSetup

_TIMEOUT_SECONDS: Final = 10
_LEADERLESS: Final = frozenset({KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION})
"""A partition is between leaders: just created, or its broker just started. It has one in a moment."""
_LEADER_PAUSE_SECONDS: Final = 0.1


class TopicOffsets:
    """Offsets of one topic of one broker."""

    def __init__(self, bootstrap: str, *, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._client = AdminClient({"bootstrap.servers": bootstrap, "socket.timeout.ms": 10_000, "log_level": 0})

    def spans(self) -> Mapping[int, tuple[int, int]]:
        """By partition: its first offset and the one its next record will get. Raises EngineUnavailable, WrongSetup."""
        try:
            metadata = self._client.list_topics(self._topic, timeout=_TIMEOUT_SECONDS).topics[self._topic]
            if metadata.error is not None:
                raise WrongSetup(f"Kafka has no topic {self._topic}: run `billing topics create`")
            partitions = [TopicPartition(self._topic, number) for number in metadata.partitions]
            first = self._offsets(partitions, OffsetSpec.earliest())
            following = self._offsets(partitions, OffsetSpec.latest())
        except KafkaException as error:
            raise EngineUnavailable(
                f"Kafka does not answer on {self._bootstrap} ({error.args[0].str()}): start it with `make up`"
            ) from error
        return {number: (first[number], following[number]) for number in sorted(first)}

    def _offsets(self, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
        """Waits for partitions that are between leaders."""
        deadline = monotonic_seconds() + _TIMEOUT_SECONDS
        while True:
            try:
                return self._asked(partitions, spec)
            except KafkaException as error:
                if error.args[0].code() not in _LEADERLESS or monotonic_seconds() > deadline:
                    raise
            time.sleep(_LEADER_PAUSE_SECONDS)

    def _asked(self, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
        futures = self._client.list_offsets(dict.fromkeys(partitions, spec), request_timeout=_TIMEOUT_SECONDS)
        return {partition.partition: future.result(_TIMEOUT_SECONDS).offset for partition, future in futures.items()}
