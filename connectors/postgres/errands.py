"""What waits to be done about wallets, asked in one statement and outside any transaction: cheap when nothing does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connectors.postgres.lasting_connection import LastingConnection

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
_SESSION: Final = {"statement_timeout": "30s", "plan_cache_mode": "force_generic_plan"}


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
        self._connection = LastingConnection(dsn, _SESSION)

    def waiting(self, *, now: datetime) -> Errands:
        """What waits at an instant. Raises EngineUnavailable."""
        with self._connection.in_use() as connection:
            ((payments, looks, messages),) = connection.execute(_ASK, {"now": now}, prepare=True).fetchall()
        return Errands(bool(payments), bool(looks), bool(messages))

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._connection.close()
