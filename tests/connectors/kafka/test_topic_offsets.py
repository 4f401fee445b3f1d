"""Asking how far a topic reaches while its partitions are between leaders."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.topic_offsets import TopicOffsets
from domain.errors import EngineUnavailable


class Broker:
    """Answers list_offsets with the errors it was given, one a request, then with offsets."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)

    def list_topics(self, topic: str, **_: Any) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: None})})

    def list_offsets(self, partitions: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        answer: Future[Any] = Future()
        if self.errors:
            answer.set_exception(KafkaException(KafkaError(self.errors.pop(0))))
        else:
            answer.set_result(SimpleNamespace(offset=7))
        return dict.fromkeys(partitions, answer)


def offsets_of(broker: Broker) -> TopicOffsets:
    offsets = TopicOffsets("127.0.0.1:1", topic="usage.events")
    offsets._client = broker  # type: ignore[assignment]
    return offsets


def test_a_partition_between_leaders_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.kafka.topic_offsets._LEADER_PAUSE_SECONDS", 0)
    broker = Broker(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)

    assert offsets_of(broker).spans() == {0: (7, 7)}
    assert broker.errors == []


def test_a_partition_that_gets_no_leader_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.kafka.topic_offsets._TIMEOUT_SECONDS", -1)

    with pytest.raises(EngineUnavailable, match="Not leader for partition"):
        offsets_of(Broker(*[KafkaError.NOT_LEADER_FOR_PARTITION] * 3)).spans()


def test_another_error_is_not_waited_for() -> None:
    broker = Broker(KafkaError.TOPIC_AUTHORIZATION_FAILED)

    with pytest.raises(EngineUnavailable, match="authorization failed"):
        offsets_of(broker).spans()
    assert broker.errors == []
