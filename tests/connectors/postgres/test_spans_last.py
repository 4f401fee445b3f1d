"""Spans of time hold at some time: the books refuse one that ends when it begins, which would be read as for ever."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.books import open_account, open_shop

pytestmark = pytest.mark.engines

SHORTENED = "UPDATE {} SET validity = tstzrange('2026-10-01', '2026-10-01')"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (SHORTENED.format("subscription"), "subscription_lasts"),
        (SHORTENED.format("alias"), "alias_lasts"),
        ("UPDATE seller SET lut_arn = 'A', lut_valid_from = '2027-04-01', lut_valid_to = '2027-03-31'", "seller_lut_lasts"),
    ],
)
def test_a_span_that_holds_at_no_time_is_refused(database, statement, constraint):
    open_shop()
    open_account("acme")
    with pytest.raises(IntegrityError, match=constraint), database.begin() as connection:
        connection.execute(text(statement))


FILLED = """
INSERT INTO customer (code, legal_name, email, address_lines, country, tax_category, created_at)
VALUES ('c', 'C', 'c@example.com', '{}', 'US', 'overseas', now());
INSERT INTO account (code, customer_id, mode, currency, time_zone, created_at)
SELECT 'acme', customer_id, 'postpaid', 'INR', 'UTC', now() FROM customer;
INSERT INTO plan (code, name) VALUES ('p', 'p');
INSERT INTO plan_version (plan_id, version, currency, published_at, document)
SELECT plan_id, 1, 'INR', now(), '{}' FROM plan;
CREATE TEMPORARY TABLE span (alias, validity) AS VALUES ('a', 'empty'::tstzrange), ('b', tstzrange('2026-10-01', NULL));
INSERT INTO subscription (account_id, plan_version_id, validity)
SELECT account_id, plan_version_id, validity FROM account, plan_version, span;
INSERT INTO alias (alias, account_id, validity) SELECT alias, account_id, validity FROM account, span;
"""


def test_the_migration_applies_to_books_that_hold_one_and_keeps_what_lasts(database_before):
    dsn, apply = database_before("0041_spans_last")
    with psycopg.connect(dsn) as connection:
        connection.execute(FILLED.encode())
    assert apply() == ["0041_spans_last"]
    with psycopg.connect(dsn) as connection:
        kept = [connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() for name in ("subscription", "alias")]
        history = connection.execute("SELECT count(*) FROM subscription_history WHERE isempty(validity)").fetchone()
    assert (kept, history) == ([(1,), (1,)], (1,))
