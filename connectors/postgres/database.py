"""The billing database for the batch side: one engine, and transactions whose failures are one sentence."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, ProgrammingError

from domain.errors import EngineUnavailable, InvalidInput, WrongSetup

_UNDEFINED: Final = {"42P01", "42703", "42883"}
"""SQLSTATEs of a table, column or function that does not exist: the schema is not this program's."""
_LOCK_TIMEOUT: Final = "10s"
"""Longer than any batch transaction: who waits longer has met a person's forgotten session."""


def open_engine(dsn: str) -> Engine:
    """An engine on a libpq connection URI; it connects at first use. Sessions run in UTC."""
    return create_engine(
        make_url(dsn).set(drivername="postgresql+psycopg"),
        pool_size=2,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "options": f"-c timezone=UTC -c lock_timeout={_LOCK_TIMEOUT}"},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A read-committed transaction: commits when left normally, rolls back when left by an exception.

    Raises EngineUnavailable when PostgreSQL does not answer or a lock is not given, WrongSetup when a table is missing, and
    InvalidInput for a value, or a sum with it, that the books cannot hold.
    """
    with _told_in_a_sentence(), engine.begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A read-only transaction in which every query sees the same instant. Raises as `transaction` does."""
    with _told_in_a_sentence(), engine.connect() as connection:
        steady = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with steady.begin():
            yield steady


@contextmanager
def repeatable(engine: Engine) -> Iterator[Connection]:
    """A transaction in which every query sees the same instant and which may write temporary tables; rolled back at its end.

    Raises as `transaction` does.
    """
    with _told_in_a_sentence(), engine.connect() as connection:
        steady = connection.execution_options(isolation_level="REPEATABLE READ")
        with steady.begin() as everything:
            yield steady
            everything.rollback()


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        state = _sqlstate(error)
        reason = str(error.orig).strip().splitlines()[0]
        if state is not None and not state.startswith(("08", "57P")):
            raise EngineUnavailable(f"PostgreSQL is busy ({reason}): nothing was changed, run the command again") from error
        raise EngineUnavailable(f"PostgreSQL does not answer ({reason}): start it with `make up`") from error
    except ProgrammingError as error:
        if _sqlstate(error) not in _UNDEFINED:
            raise
        reason = str(error.orig).strip().splitlines()[0]
        raise WrongSetup(f"the database lacks what this program needs ({reason}): run `billing schema migrate`") from error
    except DataError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise InvalidInput(f"a value, or a sum with it, does not fit into the books ({reason}): correct it") from error


def storable(names: Iterable[str]) -> list[str]:
    """The names PostgreSQL can hold. Nothing it keeps has another one, and asking for such a name is an error to it."""
    return [name for name in names if "\0" not in name and name.isprintable()]


def _sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None
