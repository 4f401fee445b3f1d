"""A database as it was before a migration of the project, to be filled as it was used then."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from connectors.postgres.migrations import Migrations
from connectors.settings import PROJECT_ROOT, settings


@pytest.fixture
def database_before(postgres_database, tmp_path) -> Iterator[Callable[[str], tuple[str, Callable[[], list[str]]]]]:
    """Given the name of a migration: the connection URI of a database without it, and what applies it."""
    name = sql.Identifier(f"{settings().postgres_db}_before")

    def make(migration: str) -> tuple[str, Callable[[], list[str]]]:
        former, upto = tmp_path / "former", tmp_path / "upto"
        for folder, keeps in ((former, lambda stem: stem < migration), (upto, lambda stem: stem <= migration)):
            folder.mkdir()
            for path in (PROJECT_ROOT / "sql" / "postgres").glob("*.sql"):
                if keeps(path.stem):
                    (folder / path.name).write_text(path.read_text())
        with psycopg.connect(postgres_database, dbname="postgres", autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        dsn = f"{postgres_database}_before"
        Migrations(former, dsn).apply()
        return dsn, Migrations(upto, dsn).apply

    yield make
    with psycopg.connect(postgres_database, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
