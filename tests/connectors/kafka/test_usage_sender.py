"""Sending usage events to a real broker, and reading how far their topic reaches."""

from collections.abc import Iterator

import pytest

from connectors.kafka.topic_offsets import TopicOffsets
from connectors.kafka.topics import Topic, TopicAdmin
from connectors.kafka.usage_sender import UsageEventSender
from connectors.settings import settings
from domain.errors import EngineUnavailable, WrongSetup

pytestmark = pytest.mark.engines
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TOPIC = "test.sender"


@pytest.fixture
def topic() -> Iterator[str]:
    admin = TopicAdmin(settings().kafka_bootstrap)
    admin.create_missing([Topic(TOPIC, partitions=3, retention_hours=1, max_message_bytes=2_000_000)])
    yield TOPIC
    admin.delete([TOPIC])


def test_every_record_of_every_codec_arrives(topic: str) -> None:
    offsets = TopicOffsets(settings().kafka_bootstrap, topic=topic)
    sender = UsageEventSender(settings().kafka_bootstrap, topic=topic, codecs=CODECS)
    before = offsets.spans()

    for number in range(500):
        sender.send(f"alias-{number % 7}", b"{}" * 50, codec=CODECS[number % len(CODECS)])
    sender.flush()

    after = offsets.spans()
    assert list(after) == [0, 1, 2]
    assert sum(following for _, following in after.values()) == sum(following for _, following in before.values()) + 500
    assert all(first == 0 for first, _ in after.values())


def test_a_record_the_topic_does_not_take_is_said_when_it_is_flushed(topic: str) -> None:
    sender = UsageEventSender(settings().kafka_bootstrap, topic=topic, codecs=["none"])

    sender.send("alias", b"x" * 3_000_000, codec="none")

    with pytest.raises(EngineUnavailable, match=r"Kafka does not take events \(.*too large"):
        sender.flush()


def test_a_topic_that_is_not_there_names_the_command_that_makes_it() -> None:
    with pytest.raises(WrongSetup, match=r"no topic test\.nowhere: run `billing topics create`"):
        TopicOffsets(settings().kafka_bootstrap, topic="test.nowhere").spans()


def test_a_broker_that_does_not_answer_is_said_in_a_sentence(monkeypatch) -> None:
    monkeypatch.setattr("connectors.kafka.topic_offsets._TIMEOUT_SECONDS", 1)

    with pytest.raises(EngineUnavailable, match=r"Kafka does not answer on 127\.0\.0\.1:1 .*: start it with `make up`"):
        TopicOffsets("127.0.0.1:1", topic="usage.events").spans()
