"""One connection of a process that lives long: opened at first use, opened again when it broke, failing in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import Connection

from domain.errors import EngineUnavailable

SESSION_LOST: Final = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
"""Errors that say nothing of what was asked: the session is gone, or a lock was not given. Another session may succeed.

The second is what a process hears that stood still inside a transaction until PostgreSQL ended its session.
"""
_BEGIN_ALONE: Final = "SELECT pg_try_advisory_lock(hashtext(%s))"
_NO_LONGER_ALONE: Final = "SELECT pg_advisory_unlock(hashtext(%s))"


class LastingConnection:
    """A session in UTC with these settings of PostgreSQL; `how` are further arguments of psycopg's `connect`."""

    def __init__(self, dsn: str, settings: dict[str, str], **how: Any) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in {"timezone": "UTC", **settings}.items())
        self._how = {"conninfo": dsn, "autocommit": True, "connect_timeout": 5, "options": options, **how}
        self._connection: Connection[Any] | None = None

    @contextmanager
    def in_use(self) -> Iterator[Connection[Any]]:
        """The open connection; closed when it is lost. Raises EngineUnavailable then, and when a lock was not given."""
        with told_in_a_sentence():
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = Connection.connect(**self._how)
                yield self._connection
            except SESSION_LOST:
                self.close()
                raise

    @contextmanager
    def transaction(self) -> Iterator[Connection[Any]]:
        """A transaction: commits when left normally, rolls back when left by an exception. Raises EngineUnavailable."""
        with self.in_use() as connection, connection.transaction():
            yield connection

    @contextmanager
    def alone(self, task: str) -> Iterator[bool]:
        """Whether nobody else is at this task; if so, nobody begins it until this is left or the session is lost."""
        with self.in_use() as connection:
            ((alone,),) = connection.execute(_BEGIN_ALONE, (task,)).fetchall()
        try:
            yield alone
        finally:
            if alone and self._connection is not None and not self._connection.closed:
                with self.in_use() as connection:
                    connection.execute(_NO_LONGER_ALONE, (task,))

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Raises EngineUnavailable, with what the server or the network said, when a session is lost or a lock not given."""
    try:
        yield
    except SESSION_LOST as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineUnavailable(f"PostgreSQL does not answer ({reason}): see `make status`") from error
