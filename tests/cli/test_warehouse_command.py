"""`billing warehouse reconcile`: what it prints, and when it says no."""

import json
from datetime import date

import pytest

from tests.books import MID_OCTOBER, an_event, book, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture
def shop(database, warehouse):
    """Ten rated events, all in ClickHouse."""
    open_shop()
    open_account("acme")
    book(database, [an_event("acme") for _ in range(10)])
    return database


@pytest.fixture
def emptied_warehouse(shop, warehouse):
    """The same with nothing left in ClickHouse."""
    warehouse.execute("TRUNCATE TABLE usage_event")


def test_equal_ends_with_0(shop, billing):
    ran = billing("warehouse", "reconcile")
    assert (ran.code, ran.err) == (0, "")
    assert "0 batches are on their way" in ran.out
    assert "ClickHouse says what the books say." in ran.out


def test_a_difference_is_named_and_ends_with_1(emptied_warehouse, billing):
    ran = billing("warehouse", "reconcile")
    assert ran.code == 1
    assert "1 places differ" in ran.out
    assert str(MID_OCTOBER.date()) in ran.out
    assert ran.err == "billing: ClickHouse differs from the books in 1 places: run it with --repair\n"


def test_a_repair_ends_with_0_and_says_what_it_did(emptied_warehouse, billing):
    ran = billing("warehouse", "reconcile", "--repair")
    assert ran.code == 0
    assert "0 rows taken out, 10 inserted" in ran.out
    assert billing("warehouse", "reconcile").code == 0


def test_a_program_gets_one_json_line(emptied_warehouse, billing):
    found = json.loads(billing("warehouse", "reconcile", "--json").out)
    (gap,) = found["differences"]
    assert (found["equal"], found["booked"]["events"], found["warehoused"]["events"]) == (False, 10, 0)
    assert (gap["day"], gap["missing"], gap["foreign"]) == (str(MID_OCTOBER.date()), 10, 0)
    mended = json.loads(billing("warehouse", "reconcile", "--repair", "--json").out)
    assert (mended["equal"], mended["rows_inserted"], mended["differences_left"]) == (True, 10, [])


def test_other_days_are_left_alone(emptied_warehouse, billing):
    day = MID_OCTOBER.date()
    next_day = date(day.year, day.month, day.day + 1)
    assert billing("warehouse", "reconcile", "--to", str(day)).code == 0
    assert billing("warehouse", "reconcile", "--from", str(day), "--to", str(next_day)).code == 1
    assert billing("warehouse", "reconcile", "--from", "yesterday").code == 2
