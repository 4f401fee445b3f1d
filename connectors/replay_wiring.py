"""Building what replaying a topic needs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from connectors.kafka.topic_log import KafkaTopicLog
from connectors.kafka.usage_events import decode_records
from connectors.metering_wiring import balance_cache, metering, metering_store, warehouse
from connectors.postgres.replayed_books import PostgresReplayedBooks
from connectors.settings import settings
from connectors.wiring import database
from invoicing.fill_gaps import GapFiller
from invoicing.replay_topic import Destinations, ReplayTopic


@contextmanager
def replaying(topic: str | None) -> Iterator[tuple[ReplayTopic, Destinations]]:
    """The use case on a topic by its full name, or on the one workers read; and where its results are told again."""
    workers_topic = settings().kafka_topic_prefix + "usage.events"
    topic = topic or workers_topic
    books = PostgresReplayedBooks(database())
    with (
        closing(metering_store("replay")) as store,
        closing(balance_cache()) as cache,
        closing(KafkaTopicLog(settings().kafka_bootstrap, topic=topic)) as log,
    ):
        filler = GapFiller(store, books, metering)
        use_case = ReplayTopic(topic, log, books, decode_records, filler, read_by_worker=topic == workers_topic)
        yield use_case, Destinations(store, cache, warehouse())
