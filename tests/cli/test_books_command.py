"""`billing books check`: what it prints and when it says no."""

import json

import pytest
from sqlalchemy import text

from tests.books import an_event, book, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture
def shop(database, warehouse, cache):
    """One rated event and one that waits for its alias."""
    open_shop()
    open_account("acme")
    book(database, [an_event("acme"), an_event("nobody")])
    return database


def test_books_that_balance_are_told_with_their_certificate(shop, billing):
    ran = billing("books", "check")

    assert ran.code == 0
    assert "The books balance." in ran.out
    assert "usage_totals_match_events" in ran.out
    assert "0..2" in ran.out


def test_the_certificate_is_one_json_line(shop, billing):
    ran = billing("books", "check", "--month", "2026-10", "--json")

    found = json.loads(ran.out)
    assert (found["balanced"], found["faults"], found["revenue"]) == (True, [], [])
    assert found["certificate"]["totals"]["quarantined"] == 1
    assert {check["rows"] for check in found["checks"]} == {0}


def test_a_difference_is_shown_with_its_rows_and_ends_with_1(shop, billing):
    with shop.begin() as connection:
        connection.execute(text("UPDATE wallet SET balance_micros = balance_micros + 7"))

    ran = billing("books", "check")

    assert ran.code == 1
    assert "wallets_match_ledger: A wallet is the sum of its ledger" in ran.out
    assert "The books balance." not in ran.out
    assert ran.err.startswith("billing: the books do not balance: wallets_match_ledger: 1 row ")
    assert json.loads(billing("books", "check", "--json").out)["balanced"] is False


def test_caches_are_compared_when_asked(shop, billing):
    ran = billing("books", "check", "--caches", "--json")

    found = json.loads(ran.out)
    assert ran.code == 1  # nobody told Redis the balance in this test
    assert [(row["month"], row["equal"]) for row in found["revenue"]] == [("2026-10", True), ("all", True)]
    assert (found["wallets"], len(found["stale_balances"])) == (1, 1)
    assert "1 wallets compared with Redis, 1 differ" in billing("books", "check", "--caches").out
