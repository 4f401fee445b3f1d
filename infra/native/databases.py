"""The databases of an instance, made when they are missing: two in PostgreSQL, one in ClickHouse."""

from psycopg import sql

from infra.native.probes import connect_clickhouse, connect_postgres
from infra.native.stack import Stack, StackError


def make_postgres_databases(stack: Stack) -> None:
    """Make POSTGRES_DB and AIRFLOW_DB, and switch TimescaleDB on in the first."""
    billing, airflow = stack.settings["POSTGRES_DB"], stack.settings["AIRFLOW_DB"]
    with connect_postgres(stack.settings) as connection:
        present = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name in (billing, airflow):
            if name not in present:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with connect_postgres(stack.settings, database=billing) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")


def make_clickhouse_database(stack: Stack) -> None:
    """Make CLICKHOUSE_DB. Raises StackError when the name is not a plain identifier."""
    name = stack.settings["CLICKHOUSE_DB"]
    if not name.isidentifier():
        raise StackError(f"CLICKHOUSE_DB={name!r} is not a plain name: use letters, digits and underscores in .env.")
    with connect_clickhouse(stack.settings) as client:
        client.execute(f"CREATE DATABASE IF NOT EXISTS {name}")
