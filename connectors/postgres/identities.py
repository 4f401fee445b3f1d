"""The 24-hour store of identities, as the one that tidies it up sees it."""

from datetime import datetime
from typing import Final

import psycopg

from connectors.postgres.lasting_connection import told_in_a_sentence

# By their place: the rows of a slice lie side by side, since they were written one after the other.
_FORGET: Final = """
DELETE FROM event_key WHERE ctid = ANY(ARRAY(SELECT ctid FROM event_key WHERE claimed_at < %s LIMIT %s))
"""


class PostgresIdentities:
    """The table event_key of one database; each call is a connection and a transaction of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def forget(self, *, claimed_before: datetime, limit: int) -> int:
        """Remove at most `limit` identities claimed before an instant. Raises EngineUnavailable."""
        with told_in_a_sentence(), psycopg.connect(self._dsn, connect_timeout=5) as connection:
            # Tidying up may be lost with the server: it is done again.
            connection.execute("SET LOCAL synchronous_commit = off")
            return connection.execute(_FORGET, (claimed_before, limit)).rowcount
