"""The only place adapters are built: shells ask here and never name a technology."""

from functools import cache

from sqlalchemy import Engine

from connectors.clickhouse.schema import apply_schema
from connectors.files.documents import parse_document, read_document
from connectors.files.plan_files import read_plan_file, read_usage_file
from connectors.kafka.resender import KafkaResender
from connectors.metering_wiring import clickhouse, migrations, topic_admin, topics
from connectors.postgres.account_rows import AccountDetails
from connectors.postgres.account_tree import AccountTreeReader
from connectors.postgres.accounts import AccountReader
from connectors.postgres.administration import PostgresAdministrationStore
from connectors.postgres.aliases import AliasReader
from connectors.postgres.attribution_history import AttributionHistory
from connectors.postgres.contracts import ContractReader
from connectors.postgres.customers import CustomerReader
from connectors.postgres.database import open_engine
from connectors.postgres.late_usage import LateUsage
from connectors.postgres.plans import PlanReader
from connectors.postgres.received_events import ReceivedEvents
from connectors.postgres.refused_event_details import RefusedEventDetails
from connectors.postgres.refused_events import RefusedEvents
from connectors.postgres.subscriptions import SubscriptionReader
from connectors.postgres.waiting_events import PostgresDeadLetters, WaitingEvents
from connectors.settings import PROJECT_ROOT, settings

__all__ = [
    "migrations",
    "parse_document",
    "read_document",
    "read_plan_file",
    "read_usage_file",
    "topic_admin",
    "topics",
]


def apply_warehouse_schema() -> list[str]:
    """Create ClickHouse's database and tables; returns the files run."""
    return apply_schema(PROJECT_ROOT / "sql" / "clickhouse", clickhouse("default"), database=settings().clickhouse_db)


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


def plan_reader() -> PlanReader:
    """Published plans and meters."""
    return PlanReader(database())


def account_details() -> AccountDetails:
    """One account at a time."""
    return AccountDetails(database())


def customer_reader() -> CustomerReader:
    """Customers for people to look at."""
    return CustomerReader(database())


def account_tree_reader() -> AccountTreeReader:
    """Who stands above whom."""
    return AccountTreeReader(database())


def subscription_reader() -> SubscriptionReader:
    """Who is on which plan."""
    return SubscriptionReader(database())


def contract_reader() -> ContractReader:
    """What was agreed on."""
    return ContractReader(database())


def alias_reader() -> AliasReader:
    """Whom aliases name."""
    return AliasReader(database())


def attribution_history() -> AttributionHistory:
    """Why an event was attributed as it was."""
    return AttributionHistory(database())


def refused_events() -> RefusedEvents:
    """Dead letters, conflicts and quarantine."""
    return RefusedEvents(database())


def refused_event_details() -> RefusedEventDetails:
    """One refused event at a time."""
    return RefusedEventDetails(database())


def late_usage() -> LateUsage:
    """Usage that came late."""
    return LateUsage(database())


def waiting_events() -> WaitingEvents:
    """The quarantine, to release and to decide about."""
    return WaitingEvents(database())


def dead_letters() -> PostgresDeadLetters:
    """Dead letters, to be sent again."""
    return PostgresDeadLetters(database())


def received_events() -> ReceivedEvents:
    """Payment and config events for people to look at."""
    return ReceivedEvents(database())


def resender() -> KafkaResender:
    """Puts events back on their topic."""
    return KafkaResender(settings().kafka_bootstrap)
