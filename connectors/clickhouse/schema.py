"""ClickHouse's schema: plain numbered SQL, each statement harmless when run again."""

from pathlib import Path

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as ClickHouseError

from domain.errors import EngineUnavailable


def connect(*, host: str, port: int, database: str, user: str, password: str) -> Client:
    """A client of ClickHouse's native protocol; connects at its first query."""
    return Client(
        host,
        port=port,
        database=database,
        user=user,
        password=password,
        compression="lz4",
        connect_timeout=5,
        send_receive_timeout=60,
        sync_request_timeout=5,
    )


def apply_schema(folder: Path, server: Client, *, database: str) -> list[str]:
    """Create the database and its tables. Returns the names of the files run; raises EngineUnavailable."""
    files = sorted(folder.glob("*.sql"))
    try:
        server.execute(f"CREATE DATABASE IF NOT EXISTS {database}")
        for path in files:
            server.execute(_qualified(path.read_text(), database))
    except (ClickHouseError, OSError, EOFError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineUnavailable(f"ClickHouse refused its schema or does not answer ({reason}): see `make status`") from error
    return [path.stem for path in files]


def _qualified(statement: str, database: str) -> str:
    body = "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip().rstrip(";")
    return body.replace("IF NOT EXISTS ", f"IF NOT EXISTS {database}.", 1)
