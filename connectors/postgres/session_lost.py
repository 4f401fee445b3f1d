"""Errors that say nothing of what was asked: the session is gone, or a lock was not given. Another session may succeed."""

from typing import Final

import psycopg

SESSION_LOST: Final = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
"""The second is what a process hears that stood still inside a transaction until PostgreSQL ended its session."""
