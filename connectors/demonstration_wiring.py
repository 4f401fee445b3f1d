"""Building what the demonstration needs beside the rest: a producer, the topic's reach, and where accounts stand."""

from collections.abc import Sequence

from connectors.kafka.observed_topics import ObservedTopics
from connectors.kafka.topic_offsets import TopicOffsets
from connectors.kafka.usage_sender import UsageEventSender
from connectors.postgres.account_standings import AccountStandings
from connectors.settings import settings
from connectors.wiring import database


def usage_topic() -> str:
    """The name of the topic of usage events, prefix included."""
    return settings().kafka_topic_prefix + "usage.events"


def usage_sender(codecs: Sequence[str]) -> UsageEventSender:
    """Sends usage events."""
    return UsageEventSender(settings().kafka_bootstrap, topic=usage_topic(), codecs=codecs)


def observed_topics(topics: Sequence[str]) -> ObservedTopics:
    """What comes on some topics from now on, named without the prefix."""
    return ObservedTopics(settings().kafka_bootstrap, prefix=settings().kafka_topic_prefix, topics=topics)


def topic_offsets() -> TopicOffsets:
    """How far the topic of usage events reaches."""
    return TopicOffsets(settings().kafka_bootstrap, topic=usage_topic())


def standings() -> AccountStandings:
    """Where every account stands."""
    return AccountStandings(database())
