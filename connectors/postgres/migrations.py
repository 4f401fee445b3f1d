"""Migrations: plain numbered SQL files, applied in order, each in its own transaction, never edited afterwards."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from domain.errors import EngineUnavailable, WrongSetup

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its name decides the order, its digest tells whether it was edited."""

    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the file's text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class Migrations:
    """The migrations of one folder against one PostgreSQL database."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self._files = [Migration(path.stem, path.read_text()) for path in sorted(folder.glob("*.sql"))]
        self._dsn = dsn

    def apply(self) -> list[str]:
        """Apply what is missing; returns the names applied. Raises WrongSetup when an applied file was edited."""
        applied_now: list[str] = []
        with self._connect() as connection:
            connection.execute(_CREATE_TABLE)
            connection.execute("SELECT pg_advisory_lock(hashtext('schema_migration'))")
            applied = self._applied(connection)
            for migration in self._files:
                if migration.name in applied:
                    _refuse_edited(migration, applied[migration.name])
                    continue
                with connection.transaction():
                    connection.execute(migration.sql.encode())
                    connection.execute(
                        "INSERT INTO schema_migration (name, digest) VALUES (%s, %s)", (migration.name, migration.digest)
                    )
                applied_now.append(migration.name)
        return applied_now

    def check(self) -> None:
        """Raises WrongSetup unless the database has exactly these migrations."""
        with self._connect() as connection:
            try:
                applied = self._applied(connection)
            except psycopg.errors.UndefinedTable:
                applied = {}
        missing = [migration.name for migration in self._files if migration.name not in applied]
        if missing:
            raise WrongSetup(f"the database lacks migration {', '.join(missing)}: run `billing schema migrate`")
        unknown = sorted(set(applied) - {migration.name for migration in self._files})
        if unknown:
            raise WrongSetup(f"the database is newer than this program (it has {', '.join(unknown)}): upgrade the program")
        for migration in self._files:
            _refuse_edited(migration, applied[migration.name])

    @contextmanager
    def _connect(self) -> Iterator[psycopg.Connection[tuple[str, str]]]:
        try:
            connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=10)
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            raise EngineUnavailable(f"PostgreSQL does not answer ({reason}): start it with `make up`") from error
        with connection:
            yield connection

    def _applied(self, connection: psycopg.Connection[tuple[str, str]]) -> dict[str, str]:
        return dict(connection.execute("SELECT name, digest FROM schema_migration").fetchall())


def _refuse_edited(migration: Migration, applied_digest: str) -> None:
    if migration.digest != applied_digest:
        raise WrongSetup(f"migration {migration.name} was edited after it was applied: restore it and add a new one")
