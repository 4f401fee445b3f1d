"""What waits to be done about wallets, asked in one statement and outside any transaction: cheap when nothing does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from connectors.postgres.session_lost import SESSION_LOST
from domain.errors import EngineUnavailable

# Each is one step into an index, or into a table that is empty when nothing waits; the plan is made once, because making it
# costs more than following it. Whoever does the work asks again under its locks, so a wrong answer costs a turn in vain.
_ASK: Final = """
SELECT (SELECT max(payment_event_id) FROM payment_event)
           > coalesce((SELECT max(payment_event_id) FROM payment_application), 0),
       EXISTS (SELECT FROM wallet_look)
           OR (SELECT min(look_again_at) FROM account_standing) <= %(now)s
           OR (SELECT min(look_again_at) FROM top_up_rule WHERE stopped_at IS NULL) <= %(now)s,
       (SELECT message_id FROM outbox_message WHERE sent_at IS NULL ORDER BY message_id LIMIT 1) IS NOT NULL
"""
_SESSION: Final = """
SELECT set_config('statement_timeout', '30s', false), set_config('timezone', 'UTC', false),
       set_config('plan_cache_mode', 'force_generic_plan', false)
"""


@dataclass(frozen=True, slots=True)
class Errands:
    """Which kinds of work wait."""

    payments: bool = False
    """Payment events that were not tried yet."""
    looks: bool = False
    """Wallets to be looked at: because of their balance, or because their time has come."""
    messages: bool = False
    """Saved and not sent."""


class PostgresErrands:
    """One database's errands, through a connection of its own that is opened again when it breaks."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection[Any] | None = None

    def waiting(self, *, now: datetime) -> Errands:
        """What waits at an instant. Raises EngineUnavailable."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = Connection.connect(self._dsn, autocommit=True, connect_timeout=5)
                self._connection.execute(_SESSION)
            ((payments, looks, messages),) = self._connection.execute(_ASK, {"now": now}, prepare=True).fetchall()
        except SESSION_LOST as error:
            self.close()
            reason = str(error).strip().splitlines()[0]
            raise EngineUnavailable(f"PostgreSQL does not answer ({reason}): see `make status`") from error
        return Errands(bool(payments), bool(looks), bool(messages))

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
