"""Messages saved with the change that caused them, to be sent in order by one sender at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from connectors.postgres.lasting_connection import LastingConnection
from invoicing.relay_outbox import SavedMessage

_TAKE_TURN: Final = "SELECT pg_try_advisory_xact_lock(hashtext('relay outbox_message'))"
_UNSENT: Final = """
SELECT message_id, topic, key, type, subject, data::text, created_at FROM outbox_message
WHERE sent_at IS NULL ORDER BY message_id LIMIT %s
"""
_OLDEST: Final = "SELECT created_at FROM outbox_message WHERE sent_at IS NULL ORDER BY message_id LIMIT 1"
_SENT: Final = "UPDATE outbox_message SET sent_at = %s WHERE message_id = ANY(%s)"


class PostgresMessages:
    """The saved messages of one database, through one connection that is opened again when it breaks."""

    def __init__(self, dsn: str, *, clock: Callable[[], datetime], stands_still_ms: int = 10_000) -> None:
        """`stands_still_ms`: after how long without a statement another takes the turn."""
        self._clock = clock
        session = {
            "statement_timeout": "30s",
            "synchronous_commit": "off",
            "idle_in_transaction_session_timeout": f"{stands_still_ms}ms",
        }
        self._connection = LastingConnection(dsn, session)

    def waits(self, *, longer_than: timedelta) -> bool:
        """Whether the oldest message that is not sent was saved longer ago than this. Raises EngineUnavailable.

        One from the future was saved before the clock stepped back, nobody knows how long ago.
        """
        with self._connection.in_use() as connection:
            found = connection.execute(_OLDEST).fetchone()
        return found is not None and abs(self._clock() - found[0]) > longer_than

    @contextmanager
    def unsent(self, *, limit: int) -> Iterator[Sequence[SavedMessage]]:
        """The oldest that are not sent, none while another sends; left normally, they are marked as sent.

        A mark lost in a crash means only sending again, so it does not wait for the disk. Raises EngineUnavailable.
        """
        with self._connection.transaction() as connection:
            ((mine,),) = connection.execute(_TAKE_TURN).fetchall()
            messages = [SavedMessage(*row) for row in connection.execute(_UNSENT, (limit,))] if mine else []
            yield messages
            if messages:
                connection.execute(_SENT, (self._clock(), [message.message_id for message in messages]))

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._connection.close()
