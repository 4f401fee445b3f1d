"""Which truth rated an event: every version is on record, and the books find an event that was rated with another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connectors import wiring
from connectors.postgres.database import open_engine
from connectors.postgres.migrations import Migrations
from connectors.settings import PROJECT_ROOT, settings
from domain.metering import Prepared
from invoicing.arrange_accounts import set_parent, set_pay_from
from invoicing.name_accounts import map_alias, move_alias
from tests.books import AUTHOR, open_account, open_shop
from tests.builders_usage import a_usage_event
from tests.installation import wait_until
from tests.metering_books import Books, Topic, Worker

pytestmark = pytest.mark.engines

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


@pytest.fixture
def books(database):
    open_shop()
    for code in ("acme", "bolt"):
        open_account(code)
    map_alias(wiring.administration(), "shop", account_code="acme", start=None, author=AUTHOR)
    return Books(database)


@pytest.fixture
def worker(books):
    worker = Worker()
    yield worker
    worker.store.close()


def version(books) -> int:
    ((number,),) = books.rows("SELECT version FROM config_version")
    return number


def test_every_version_says_what_made_it_and_its_transaction_has_the_audit_record_of_who_did(books):
    move_alias(wiring.administration(), "shop", to="bolt", at=NOON, author=AUTHOR)
    recorded = books.rows("SELECT version FROM config_change ORDER BY version")
    assert recorded == [(number,) for number in range(1, version(books) + 1)]
    changes = books.rows(
        "SELECT what, actor, action FROM config_change JOIN audit_record USING (transaction_id)"
        " WHERE action = 'alias.moved' ORDER BY version"
    )
    assert changes == [
        ("alias delete", "tests", "alias.moved"),
        ("alias insert", "tests", "alias.moved"),
        ("alias insert", "tests", "alias.moved"),
    ]


def test_the_record_of_versions_is_append_only(books, database):
    for statement in ("UPDATE config_change SET what = ''", "DELETE FROM config_change", "TRUNCATE config_change"):
        with pytest.raises(IntegrityError, match="config_change is append-only"), database.begin() as connection:
            connection.execute(text(statement))


def test_the_truth_of_every_version_can_be_read_again(books):
    first = version(books)
    move_alias(wiring.administration(), "shop", to="bolt", at=NOON, author=AUTHOR)
    set_parent(wiring.administration(), "bolt", parent="acme", author=AUTHOR)
    set_pay_from(wiring.administration(), "bolt", pay_from="acme", author=AUTHOR)

    def named_at_noon(number):
        return books.rows(
            "SELECT code FROM alias_history JOIN account USING (account_id) WHERE alias = 'shop' AND validity @> :noon"
            " AND :v >= since_version AND (:v < until_version OR until_version IS NULL)",
            noon=NOON,
            v=number,
        )

    assert (named_at_noon(first), named_at_noon(version(books))) == ([("acme",)], [("bolt",)])
    payers = books.rows(
        "SELECT p.code, until_version IS NULL FROM payer_history h JOIN account a USING (account_id)"
        " JOIN account p ON p.account_id = h.pay_from_account_id WHERE a.code = 'bolt' ORDER BY since_version"
    )
    assert payers == [("bolt", False), ("acme", True)]


@pytest.mark.parametrize(
    ("forgery", "finding"),
    [
        ("UPDATE batch SET config_version = 999", "batches_name_a_recorded_version"),
        ("UPDATE batch SET config_version = 2", "events_are_attributed_by_their_version"),
        (
            "UPDATE usage_event SET account_id = (SELECT account_id FROM account WHERE code = 'bolt')",
            "events_are_attributed_by_their_version",
        ),
        (
            "UPDATE alias_history SET validity = tstzrange(NULL, '2026-01-01Z') WHERE alias = 'shop'",
            "events_are_attributed_by_their_version",
        ),
        (
            "UPDATE payer_history SET pay_from_account_id = account_id + 1",
            "debits_match_events",
        ),
    ],
    ids=["no such version", "an older version", "another account", "another time", "another payer"],
)
def test_the_books_find_an_event_that_its_version_does_not_explain(books, worker, database, forgery, finding):
    worker.take(Topic().append(a_usage_event("x", subject="shop", at=NOON)))
    assert books.failing_checks() == {}
    with database.begin() as connection:
        connection.execute(text(forgery))
    assert finding in books.failing_checks()


def test_a_batch_that_begins_while_a_change_waits_comes_after_it(books, worker, database):
    """A lock on the row alone would let it pass, and busy workers could keep a change waiting for as long as they like."""
    other = Worker("other")
    before = version(books)
    with ThreadPoolExecutor(2) as beside:
        with worker.store.begin() as running:
            assert running.open(Prepared(), [("held", 0)], counted=()).config_version == before
            change = beside.submit(map_alias, wiring.administration(), "x", account_code="acme", start=None, author=AUTHOR)
            until_waiting(books, 1)
            later = beside.submit(opened_with, other.store)
            until_waiting(books, 2)
        assert change.result()
        assert later.result() == before + 1
    other.store.close()


def opened_with(store):
    """The version a batch begins with."""
    with store.begin() as transaction:
        return transaction.open(Prepared(), [("held", 1)], counted=()).config_version


def until_waiting(books, sessions):
    """Wait until so many sessions of the test database wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_until(lambda: books.rows(waiting) == [(sessions,)], f"{sessions} sessions wait for a lock", pause_seconds=0.01)


# Books that were kept before


@pytest.fixture
def books_of_before():
    """A database as it was before versions were recorded, with an account, a batch and an issued invoice; its URI."""
    name = f"{settings().postgres_db}_before"
    dsn = settings().postgres_dsn.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(settings().postgres_dsn, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield dsn
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


BEFORE = """
INSERT INTO customer (code, legal_name, email, address_lines, country, tax_category, created_at)
VALUES ('c', 'C', 'c@c.example', '{}', 'SG', 'overseas', now());
INSERT INTO account (code, customer_id, mode, currency, time_zone, created_at)
VALUES ('acme', 1, 'postpaid', 'INR', 'UTC', now());
INSERT INTO wallet (account_id, currency, balance_micros, version) VALUES (1, 'INR', 0, 2);
INSERT INTO alias VALUES ('acme', 1);
INSERT INTO plan (code, name) VALUES ('p', 'P');
INSERT INTO plan_version (plan_id, version, currency, published_at, document) VALUES (1, 1, 'INR', now(), '{}');
INSERT INTO charge (plan_version_id, meter, description, sac, unit, price) VALUES (1, 'm', 'M', '998319', 'message', '{}');
INSERT INTO subscription (account_id, plan_version_id) VALUES (1, 1);
INSERT INTO batch (worker, config_version, booked_at, rated) SELECT 'w', version, now(), 1 FROM config_version;
INSERT INTO batch_range VALUES (1, 't', 0, 0, 1, 1, 1, 1, 0, 0, 0, 0);
INSERT INTO partition_progress VALUES ('t', 0, 1);
INSERT INTO usage_event
VALUES (gen_random_uuid(), '2026-10-15Z', now(), 1, 0, 0, 1, 1, 1000000, 10000, 's', 'e', 'acme', 'm', '*', '{}');
INSERT INTO usage_total VALUES (1, '2026-10-01', 1, '*', 1000000, 10000, 1, 1000000, 10000, 1);
INSERT INTO wallet_entry VALUES (1, 1, -10000, -10000, 'usage', '1', now()), (1, 2, 10000, 0, 'invoice', 'N', now());
INSERT INTO invoice (account_id, month, status, currency, subtotal_minor, tax_minor, total_minor, prepaid_minor, document,
    document_digest, drafted_at) VALUES (1, '2026-10-01', 'draft', 'INR', 1, 0, 1, 0, '{}', 'd', now());
INSERT INTO invoice_line VALUES (1, 1, '2026-10-01', 1, '*', 1000000, 10000, 1, 1);
UPDATE invoice SET status = 'issued', number = 'N', issue_date = '2026-11-01';
"""


def test_books_kept_before_versions_were_recorded_are_explained_too(books_of_before, tmp_path):
    folder = PROJECT_ROOT / "sql" / "postgres"
    for path in sorted(folder.glob("*.sql")):
        if path.name < "0008":
            (tmp_path / path.name).write_text(path.read_text())
    Migrations(tmp_path, books_of_before).apply()
    with psycopg.connect(books_of_before) as connection:
        connection.execute(BEFORE)
    Migrations(folder, books_of_before).apply()
    engine = open_engine(books_of_before)
    assert Books(engine).failing_checks() == {}
    engine.dispose()
