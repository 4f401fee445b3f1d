"""The only place adapters are built: shells ask here and never name a technology."""

from functools import cache

from sqlalchemy import Engine

from connectors.clickhouse.schema import apply_schema, connect
from connectors.kafka.resender import KafkaResender
from connectors.metering_wiring import migrations, topic_admin, topics
from connectors.postgres.accounts import AccountReader
from connectors.postgres.administration import PostgresAdministrationStore
from connectors.postgres.database import open_engine
from connectors.postgres.refused_events import RefusedEvents
from connectors.settings import PROJECT_ROOT, settings

__all__ = ["migrations", "topic_admin", "topics"]


def apply_warehouse_schema() -> list[str]:
    """Create ClickHouse's database and tables; returns the files run."""
    chosen = settings()
    server = connect(
        host=chosen.clickhouse_host,
        port=chosen.clickhouse_port,
        database="default",
        user=chosen.clickhouse_user,
        password=chosen.clickhouse_password,
    )
    return apply_schema(PROJECT_ROOT / "sql" / "clickhouse", server, database=chosen.clickhouse_db)


@cache
def database() -> Engine:
    """The billing database's engine; connects at first use."""
    return open_engine(settings().postgres_dsn)


def administration() -> PostgresAdministrationStore:
    """Sellers, plans, customers, accounts, aliases and top-ups."""
    return PostgresAdministrationStore(database())


def account_reader() -> AccountReader:
    """Accounts for people to look at."""
    return AccountReader(database())


def refused_events() -> RefusedEvents:
    """Dead letters, conflicts and quarantine."""
    return RefusedEvents(database())


def resender() -> KafkaResender:
    """Puts quarantined events back on their topic."""
    return KafkaResender(settings().kafka_bootstrap)
