"""Topics of a test's own on the real broker, and what can be read from them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import Consumer, Message, TopicPartition

from connectors.kafka.topics import Topic, TopicAdmin
from connectors.settings import settings
from tests.installation import wait_until


@contextmanager
def topics(*names: str, partitions: int = 2) -> Iterator[str]:
    """Empty topics under a prefix of their own, which is given; gone afterwards."""
    prefix = f"{settings().kafka_topic_prefix}connectors."
    admin = TopicAdmin(settings().kafka_bootstrap)
    wanted = [Topic(prefix + name, partitions, retention_hours=1, max_message_bytes=16_777_216) for name in names]
    _delete(admin, wanted)
    admin.create_missing(wanted)
    counts = {topic.name: partitions for topic in wanted}
    wait_until(lambda: counts.items() <= admin.partitions().items(), "the broker tells of the new topics")
    yield prefix
    _delete(admin, wanted)


def _delete(admin: TopicAdmin, wanted: Sequence[Topic]) -> None:
    present = [topic.name for topic in wanted if topic.name in admin.partitions()]
    if present:
        admin.delete(present)
        wait_until(lambda: not set(present) & set(admin.partitions()), "the topics are gone")


def read_all(topic: str, count: int) -> list[Message]:
    """The first records of a topic, from all its partitions; fails when there are fewer."""
    consumer = Consumer({"bootstrap.servers": settings().kafka_bootstrap, "group.id": "tests", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[Message] = []
    wait_until(
        lambda: found.extend(consumer.consume(count - len(found), timeout=0.5)) or len(found) >= count,
        f"{count} records",
        seconds=20,
    )
    consumer.close()
    return found
