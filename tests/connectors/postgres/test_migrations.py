"""Migrations: applied once, in order, each whole or not at all; a database that does not fit is named in one sentence."""

import psycopg
import pytest
from psycopg import sql

from connectors.postgres.migrations import Migrations
from connectors.settings import PROJECT_ROOT, settings
from domain.errors import EngineUnavailable, WrongSetup

pytestmark = pytest.mark.engines


@pytest.fixture
def empty_database():
    """A database without tables; its connection URI."""
    name = f"{settings().postgres_db}_migrations"
    with psycopg.connect(settings().postgres_dsn, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield settings().postgres_dsn.rsplit("/", 1)[0] + "/" + name
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def folder(tmp_path):
    """Two migrations."""
    (tmp_path / "0001_wallets.sql").write_text("CREATE TABLE wallet (id int); INSERT INTO wallet VALUES (1);")
    (tmp_path / "0002_invoices.sql").write_text("CREATE TABLE invoice (id int);")
    return tmp_path


def tables(dsn):
    with psycopg.connect(dsn) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_what_is_missing_is_applied_in_order_and_only_once(empty_database, folder):
    assert Migrations(folder, empty_database).apply() == ["0001_wallets", "0002_invoices"]
    assert Migrations(folder, empty_database).apply() == []
    assert tables(empty_database) == {"schema_migration", "wallet", "invoice"}
    Migrations(folder, empty_database).check()
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM wallet").fetchall() == [(1,)]


def test_a_new_migration_is_applied_to_a_database_in_use(empty_database, folder):
    Migrations(folder, empty_database).apply()
    (folder / "0003_payments.sql").write_text("CREATE TABLE payment (id int);")
    assert Migrations(folder, empty_database).apply() == ["0003_payments"]


def test_a_migration_that_fails_leaves_nothing_of_itself_and_keeps_those_before(empty_database, folder):
    (folder / "0002_invoices.sql").write_text("CREATE TABLE invoice (id int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        Migrations(folder, empty_database).apply()
    assert tables(empty_database) == {"schema_migration", "wallet"}
    with pytest.raises(WrongSetup, match="lacks migration 0002_invoices"):
        Migrations(folder, empty_database).check()


def test_a_migration_that_cannot_be_recorded_leaves_nothing_of_itself(empty_database, folder):
    full = "ALTER TABLE schema_migration ADD CONSTRAINT full_up CHECK (name < '0002');"
    (folder / "0002_invoices.sql").write_text("CREATE TABLE invoice (id int);" + full)
    with pytest.raises(psycopg.errors.CheckViolation):
        Migrations(folder, empty_database).apply()
    assert tables(empty_database) == {"schema_migration", "wallet"}


def test_an_edited_migration_is_refused_by_name(empty_database, folder):
    Migrations(folder, empty_database).apply()
    (folder / "0001_wallets.sql").write_text("CREATE TABLE wallet (id bigint);")
    sentence = "migration 0001_wallets was edited after it was applied: restore it and add a new one"
    for refuse in (Migrations(folder, empty_database).apply, Migrations(folder, empty_database).check):
        with pytest.raises(WrongSetup, match=sentence):
            refuse()


def test_missing_migrations_are_named_with_the_way_out(empty_database, folder):
    with pytest.raises(
        WrongSetup, match="the database lacks migration 0001_wallets, 0002_invoices: run `billing schema migrate`"
    ):
        Migrations(folder, empty_database).check()
    assert tables(empty_database) == set()


def test_a_newer_database_is_named_with_the_way_out(empty_database, folder):
    Migrations(folder, empty_database).apply()
    (folder / "0002_invoices.sql").unlink()
    with pytest.raises(WrongSetup, match=r"newer than this program \(it has 0002_invoices\): upgrade the program"):
        Migrations(folder, empty_database).check()


def test_a_server_that_does_not_answer_is_one_sentence(folder):
    with pytest.raises(EngineUnavailable, match=r"PostgreSQL does not answer \(.*\): start it with `make up`"):
        Migrations(folder, "postgresql://billing@127.0.0.1:1/billing").check()


def test_the_projects_own_migrations_say_first_why_they_are_there(postgres_database):
    folder = PROJECT_ROOT / "sql" / "postgres"
    Migrations(folder, postgres_database).check()
    paths = sorted(folder.glob("*.sql"))
    assert [path.name for path in paths if not path.read_text().startswith("-- ")] == []
    numbers = [path.name[:4] for path in paths]
    assert numbers == sorted(set(numbers))
    assert all(number.isdigit() for number in numbers)
