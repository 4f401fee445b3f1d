"""Building what the metering worker needs; kept apart from wiring.py so that the worker loads nothing of the batch side."""

from collections.abc import Callable, Mapping

from clickhouse_driver import Client

from connectors import clock
from connectors.clickhouse.insert_endpoint import InsertEndpoint
from connectors.clickhouse.schema import connect
from connectors.clickhouse.usage_feed import ClickHouseUsage
from connectors.kafka.announcer import KafkaAnnouncer
from connectors.kafka.config_results_topic import ConfigResultsTopic
from connectors.kafka.messages import KafkaMessages
from connectors.kafka.topics import Topic, TopicAdmin, defined_topics
from connectors.kafka.usage_events import decode_records
from connectors.postgres.config_results import PostgresConfigResults
from connectors.postgres.errands import PostgresErrands
from connectors.postgres.identities import PostgresIdentities
from connectors.postgres.messages import PostgresMessages
from connectors.postgres.metering import PostgresMeteringStore
from connectors.postgres.migrations import Migrations
from connectors.postgres.outbox import PostgresOutbox
from connectors.postgres.rated_events import RatedEventReader
from connectors.postgres.wallet_watch import PostgresWalletWatch
from connectors.redis.balances import RedisBalances
from connectors.redis.holds import RedisHolds
from connectors.settings import PROJECT_ROOT, settings
from domain.errors import EngineUnavailable
from domain.usage import TimeWindow
from invoicing.meter_usage import MeterUsage
from invoicing.metering_ports import MeteringStore

_DAY_MICROS = 86_400_000_000


def metering_store(worker: str, *, server_works: Callable[[], None] = lambda: None) -> PostgresMeteringStore:
    """The truth, through a connection of its own; `server_works` is called when a batch is left to the server."""
    return PostgresMeteringStore(settings().postgres_dsn, worker=worker, clock=clock.now, server_works=server_works)


def time_window() -> TimeWindow:
    """What event times are taken, of every family."""
    chosen = settings()
    return TimeWindow(chosen.late_limit_days * _DAY_MICROS, chosen.future_tolerance_seconds * 1_000_000)


def metering(store: MeteringStore) -> MeterUsage:
    """The metering use case on a store."""
    return MeterUsage(store, decode_records, time_window())


def balance_cache() -> RedisBalances:
    """Balances in Redis."""
    chosen = settings()
    return RedisBalances(host=chosen.redis_host, port=chosen.redis_port, database=chosen.redis_db)


def holds() -> RedisHolds:
    """Reservations in Redis."""
    chosen = settings()
    return RedisHolds(host=chosen.redis_host, port=chosen.redis_port, database=chosen.redis_db)


def rated_events() -> RatedEventReader:
    """Reads rated events once for all outboxes that share it."""
    (rated,) = (topic for topic in topics() if topic.name == settings().kafka_topic_prefix + "usage.rated")
    return RatedEventReader(partitions=rated.partitions)


def outbox(reader: RatedEventReader | None = None) -> PostgresOutbox:
    """What is booked and not sent on yet."""
    return PostgresOutbox(settings().postgres_dsn, clock=clock.now, reader=reader or rated_events())


def wallet_watch() -> PostgresWalletWatch:
    """Wallets to be looked at."""
    return PostgresWalletWatch(settings().postgres_dsn)


def errands() -> PostgresErrands:
    """Which kinds of work wait for the watcher."""
    return PostgresErrands(settings().postgres_dsn)


def messages() -> PostgresMessages:
    """Messages that are saved and not sent yet."""
    return PostgresMessages(settings().postgres_dsn, clock=clock.now)


def message_sender() -> KafkaMessages:
    """Sends them to their topics."""
    return KafkaMessages(settings().kafka_bootstrap, prefix=settings().kafka_topic_prefix)


def config_results() -> PostgresConfigResults:
    """Answers to config events that are not on their topic yet."""
    return PostgresConfigResults(settings().postgres_dsn)


def config_results_topic() -> ConfigResultsTopic:
    """Sends answers to config events to their topic."""
    return ConfigResultsTopic(settings().kafka_bootstrap, topic=settings().kafka_topic_prefix + "config.results")


def identities() -> PostgresIdentities:
    """The 24-hour store, to be tidied up."""
    return PostgresIdentities(settings().postgres_dsn)


def announcer() -> KafkaAnnouncer:
    """Sends rated usage, dead letters and conflicts to their topics."""
    return KafkaAnnouncer(settings().kafka_bootstrap, prefix=settings().kafka_topic_prefix)


def clickhouse(database: str) -> Client:
    """A client of one database of the configured ClickHouse."""
    chosen = settings()
    return connect(
        host=chosen.clickhouse_host,
        port=chosen.clickhouse_port,
        database=database,
        user=chosen.clickhouse_user,
        password=chosen.clickhouse_password,
    )


def warehouse() -> ClickHouseUsage:
    """Rated usage in ClickHouse."""
    return ClickHouseUsage(clickhouse(settings().clickhouse_db), insert_endpoint())


def insert_endpoint() -> InsertEndpoint:
    """Where the configured ClickHouse takes rows as text."""
    chosen = settings()
    return InsertEndpoint(
        host=chosen.clickhouse_host,
        port=chosen.clickhouse_http_port,
        database=chosen.clickhouse_db,
        user=chosen.clickhouse_user,
        password=chosen.clickhouse_password,
    )


def migrations() -> Migrations:
    """The PostgreSQL migrations of this project against the configured database."""
    return Migrations(PROJECT_ROOT / "sql" / "postgres", settings().postgres_dsn)


def topics() -> list[Topic]:
    """The topics of this installation, prefix included."""
    return defined_topics(PROJECT_ROOT / "infra" / "kafka" / "topics.yml", prefix=settings().kafka_topic_prefix)


def topic_admin() -> TopicAdmin:
    """Creates and checks topics on the configured broker."""
    return TopicAdmin(settings().kafka_bootstrap)


def faults_of_optional_engines() -> Mapping[str, str]:
    """Engines metering can go without for a while, with why they do not answer."""
    faults: dict[str, str] = {}
    cache = balance_cache()
    try:
        cache.ping()
    except EngineUnavailable as error:
        faults["Redis"] = str(error)
    finally:
        cache.close()
    try:
        warehouse().ping()
    except EngineUnavailable as error:
        faults["ClickHouse"] = str(error)
    return faults
