"""Topics: defined in infra/kafka/topics.yml, created by an operator, checked by the worker at start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from domain.errors import EngineUnavailable, WrongSetup

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be; `name` carries the prefix of this installation."""

    name: str
    partitions: int
    retention_hours: int
    max_message_bytes: int
    compacted: bool = False
    """Whether the last record of each key is kept for ever."""


def defined_topics(definition: Path, *, prefix: str) -> list[Topic]:
    """The topics of a definition file, in its order."""
    rows = yaml.safe_load(definition.read_text())["topics"]
    return [Topic(**{**row, "name": prefix + row["name"]}) for row in rows]


class TopicAdmin:
    """Creates and checks topics on one broker."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client = AdminClient({"bootstrap.servers": bootstrap, "socket.timeout.ms": 10_000, "log_level": 0})

    def partitions(self) -> dict[str, int]:
        """Partition count of every topic. Raises EngineUnavailable when the broker does not answer."""
        try:
            metadata = self._client.list_topics(timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise EngineUnavailable(
                f"Kafka does not answer on {self._bootstrap} ({error.args[0].str()}): start it with `make up`"
            ) from error
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()}

    def create_missing(self, topics: Sequence[Topic]) -> list[str]:
        """Create the topics that do not exist; returns their names. Running it again changes nothing."""
        present = self.partitions()
        missing = [topic for topic in topics if topic.name not in present]
        if not missing:
            return []
        futures = self._client.create_topics([_as_new_topic(topic) for topic in missing])
        for future in futures.values():
            try:
                future.result(timeout=_TIMEOUT_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        return [topic.name for topic in missing]

    def delete(self, names: Sequence[str]) -> None:
        """Delete topics and wait until they are gone."""
        for future in self._client.delete_topics(list(names)).values():
            future.result(timeout=_TIMEOUT_SECONDS)

    def check(self, topics: Sequence[Topic]) -> None:
        """Raises WrongSetup when a topic is missing or has another number of partitions."""
        present = self.partitions()
        missing = [topic.name for topic in topics if topic.name not in present]
        if missing:
            raise WrongSetup(f"Kafka has no topic {', '.join(missing)}: run `billing topics create`")
        for topic in topics:
            if present[topic.name] != topic.partitions:
                raise WrongSetup(
                    f"topic {topic.name} has {present[topic.name]} partitions, infra/kafka/topics.yml says "
                    f"{topic.partitions}: change one of the two"
                )


def _as_new_topic(topic: Topic) -> NewTopic:
    config = {
        "retention.ms": str(topic.retention_hours * 3_600_000),
        "max.message.bytes": str(topic.max_message_bytes),
        # The broker's own clock: a producer's timestamp would let it choose when its events were received.
        "message.timestamp.type": "LogAppendTime",
    }
    if topic.compacted:
        config["cleanup.policy"] = "compact"
    return NewTopic(topic.name, topic.partitions, 1, config=config)
