"""What every test shares: the settings of the test instance, and the real engines, emptied for each test that asks.

The settings are set before anything can read one, so that no test touches the demo's data, nor that of tests which run
in another process at the same time.
"""

import os
from collections.abc import Callable, Iterator

import psycopg
import pytest
from clickhouse_driver import Client
from psycopg import sql
from redis import Redis
from sqlalchemy import Engine

from connectors import metering_wiring, wiring
from connectors.clickhouse.schema import connect
from connectors.settings import PROJECT_ROOT, settings
from tests.law_examples import load_profile
from tests.own_names import own_names

os.environ.update(own_names(os.environ.get("PYTEST_XDIST_WORKER", "")))

_LONGEST = (
    "dags/test_invoice_run.py",
    "drill/test_drill.py",
    "laws/test_second_rater_laws.py",  # of the first three, one that does not start engines and workers
    "cli/test_demo_run.py",
    "invoicing/test_wallet_machine.py",
)

# Most tables are empty, and most of the others hold a few rows: deleting these is several times faster than truncating all,
# or than a database from a template, which TimescaleDB's background workers would also keep busy. Chunks, though, would pile
# up. As a replica, the session is not stopped by the triggers with which the books refuse to be emptied.
_EMPTY = """
DO $$
DECLARE
    filled record;
    holds_rows boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR filled IN SELECT c.oid::regclass AS name,
                         c.relname IN (SELECT table_name FROM _timescaledb_catalog.hypertable) AS has_chunks
                  FROM pg_class c
                  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_migration' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', filled.name) INTO holds_rows;
        IF holds_rows THEN
            EXECUTE format(CASE WHEN filled.has_chunks THEN 'TRUNCATE %s' ELSE 'DELETE FROM %s' END, filled.name);
        END IF;
    END LOOP;
    PERFORM setval(seqrelid::regclass, seqstart, false) FROM pg_sequence JOIN pg_class ON oid = seqrelid
    WHERE relnamespace = 'public'::regnamespace AND pg_sequence_last_value(seqrelid) IS NOT NULL;
    SET LOCAL session_replication_role = origin;
    INSERT INTO config_version (version) VALUES (1);
END $$
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make explore` says on how many new random examples laws are tried."""
    parser.addoption("--explore", type=int, metavar="EXAMPLES", help="try laws on so many new random examples")


def pytest_configure(config: pytest.Config) -> None:
    """Before a test module is read: its laws take over what the profile says."""
    load_profile(config.getoption("explore"))


@pytest.hookimpl(trylast=True)  # after the one that marks laws
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first; begun last, one of them would keep a single process busy after all others ended.

    A law runs the same lines a hundred times, each of which would take twice as long with coverage looking on: what is not
    covered is what no example states.
    """
    places = {PROJECT_ROOT / "tests" / name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def postgres_database() -> str:
    """The test database, made anew by the migrations once a session; its connection URI."""
    dsn = settings().postgres_dsn
    name = sql.Identifier(settings().postgres_db)
    assert "test" in settings().postgres_db
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
    metering_wiring.migrations().apply()
    return dsn


@pytest.fixture(scope="session")
def emptied(postgres_database: str) -> Iterator[Callable[[], object]]:
    """Empties the test database, through a connection that stays: another one would first read about every table anew."""
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        yield lambda: connection.execute(_EMPTY)


@pytest.fixture
def database(emptied: Callable[[], object]) -> Engine:
    """The billing database with nothing in it."""
    emptied()
    return wiring.database()


@pytest.fixture(scope="session")
def clickhouse_client() -> Iterator[Client]:
    """A client of the test database of ClickHouse, made anew once a session."""
    chosen = settings()
    assert "test" in chosen.clickhouse_db
    client = connect(
        host=chosen.clickhouse_host,
        port=chosen.clickhouse_port,
        database="default",
        user=chosen.clickhouse_user,
        password=chosen.clickhouse_password,
    )
    client.execute(f"DROP DATABASE IF EXISTS {chosen.clickhouse_db}")
    wiring.apply_warehouse_schema()
    client.execute(f"USE {chosen.clickhouse_db}")
    yield client
    client.disconnect()


@pytest.fixture
def warehouse(clickhouse_client: Client) -> Client:
    """ClickHouse with nothing in it."""
    filled = "SELECT DISTINCT table FROM system.parts WHERE database = currentDatabase() AND active"
    for (table,) in clickhouse_client.execute(filled):
        clickhouse_client.execute(f"TRUNCATE TABLE {table}")
    return clickhouse_client


@pytest.fixture
def cache() -> Iterator[Redis]:
    """The test database of Redis with nothing in it."""
    chosen = settings()
    client: Redis = Redis(host=chosen.redis_host, port=chosen.redis_port, db=chosen.redis_db, decode_responses=True)
    client.flushdb()
    yield client
    client.close()
