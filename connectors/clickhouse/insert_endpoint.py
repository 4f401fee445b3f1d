"""ClickHouse's HTTP interface, for one thing: rows that are text already go in as they are.

clickhouse-driver speaks the native protocol, for which every value must be a Python object, column by column: 4 µs an event,
where a line of text costs nothing here and less than a microsecond there (docs/adr/0004). Everything else goes through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlencode

from domain.errors import EngineUnavailable

_SECONDS: Final = 60
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class InsertEndpoint:
    """One database of one server, and who inserts."""

    host: str
    port: int
    database: str
    user: str
    password: str

    def insert(self, table: str, columns: Sequence[str], lines: Sequence[str]) -> None:
        """Insert lines of tab-separated text, each with its line end. Raises EngineUnavailable; some may be inserted then.

        A server that loses the connection takes what has arrived for the whole: the last column must be one of which a
        beginning is refused, such as a UUID, so that no row is ever inserted in part.
        """
        query = f"INSERT INTO {table} ({', '.join(columns)}) FORMAT TabSeparated"
        # A connection of its own: the server closes idle ones within seconds, and there is an insert a second.
        connection = HTTPConnection(self.host, self.port, timeout=_SECONDS)
        try:
            connection.request(
                "POST",
                "/?" + urlencode({"database": self.database, "query": query}),
                "".join(lines).encode(),
                {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password},
            )
            answer = connection.getresponse()
            said = answer.read().decode(errors="replace")
        except (HTTPException, OSError) as error:
            raise _unavailable(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if answer.status != _OK:
            raise _unavailable(said)


def _unavailable(reason: str) -> EngineUnavailable:
    return EngineUnavailable(f"ClickHouse does not answer ({' '.join(reason.split())[:200]}): see `make status`")
