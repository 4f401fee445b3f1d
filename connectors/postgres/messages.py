"""Messages saved with the change that caused them, to be sent in order by one sender at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from connectors.postgres.lasting_connection import SESSION_LOST, LastingConnection
from invoicing.relay_outbox import SavedMessage

_COMPACTED: Final = "account.status"
_TAKE_TURN: Final = "SELECT pg_try_advisory_xact_lock(hashtext('relay outbox_message'))"
_UNSENT: Final = """
SELECT message_id, topic, key, type, subject, data::text, created_at FROM outbox_message
WHERE sent_at IS NULL ORDER BY message_id LIMIT %s
"""
# The last that was sent of each of these keys, of topics that keep the last record of a key only.
_LAST_SENT: Final = """
SELECT DISTINCT ON (key) message_id, topic, key, type, subject, data::text, created_at FROM outbox_message
WHERE sent_at IS NOT NULL AND topic = %s AND key = ANY(%s) ORDER BY key, message_id DESC
"""
_SENT: Final = "UPDATE outbox_message SET sent_at = %s WHERE message_id = ANY(%s)"


class PostgresMessages:
    """The saved messages of one database, through one connection that is opened again when it breaks."""

    def __init__(self, dsn: str, *, clock: Callable[[], datetime], stands_still_ms: int = 40_000) -> None:
        """`stands_still_ms`: after how long without a statement another takes the turn; longer than sending takes."""
        self._clock = clock
        self._in_doubt: set[str] = set()
        session = {
            "statement_timeout": "30s",
            "synchronous_commit": "off",
            "idle_in_transaction_session_timeout": f"{stands_still_ms}ms",
        }
        self._connection = LastingConnection(dsn, session)

    @contextmanager
    def unsent(self, *, limit: int) -> Iterator[Sequence[SavedMessage]]:
        """The oldest that are not sent, none while another sends; left normally, they are marked as sent.

        A mark lost in a crash means only sending again, so it does not wait for the disk. Whoever stood still while it sent
        may have put an old status after a newer one that another sent meanwhile; it finds its session ended then, and sends
        the last statuses again, so that the topic ends with them. Raises EngineUnavailable.
        """
        messages: list[SavedMessage] = []
        with self._connection.in_use() as connection:
            try:
                with connection.transaction():
                    ((mine,),) = connection.execute(_TAKE_TURN).fetchall()
                    if mine:
                        messages = self._in_turn(connection, limit)
                    yield messages
                    if messages:
                        connection.execute(_SENT, (self._clock(), [message.message_id for message in messages]))
            except SESSION_LOST:
                self._in_doubt |= {message.key for message in messages if message.topic == _COMPACTED}
                raise
        self._in_doubt -= {message.key for message in messages}

    def _in_turn(self, connection: Connection[Any], limit: int) -> list[SavedMessage]:
        last = connection.execute(_LAST_SENT, (_COMPACTED, list(self._in_doubt))) if self._in_doubt else ()
        return [SavedMessage(*row) for row in (*last, *connection.execute(_UNSENT, (limit,)))]

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._connection.close()
