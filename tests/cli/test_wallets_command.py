"""`billing wallets`: an empty or wrong Redis is right again, and holds from the command line."""

import json

import pytest

from connectors import metering_wiring
from invoicing.metering_ports import Balance
from tests.books import an_event, book, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture
def shop(database, warehouse, cache):
    """Two accounts, one with an event."""
    open_shop()
    open_account("acme")
    open_account("quiet")
    book(database, [an_event("acme")], warehouse=False)
    return database


def test_every_balance_is_told(shop, cache, billing):
    ran = billing("wallets", "refill-cache", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"balances_told": 2})
    standing = {"status": "active", "floor_micros": "", "standing_version": "0"}
    assert cache.hgetall("balance:1") == {"balance_micros": "-200000", "version": "1", **standing}
    assert cache.hgetall("balance:2") == {"balance_micros": "0", "version": "0", **standing}


def test_a_newer_balance_stays(shop, cache, billing):
    metering_wiring.balance_cache().put([Balance(1, 1, -900_000, 7)])
    assert billing("wallets", "refill-cache").code == 0
    assert cache.hget("balance:1", "version") == "7"


def test_a_cache_emptied_after_it_was_filled_is_filled_again(shop, cache, billing):
    billing("wallets", "refill-cache")
    cache.flushdb()
    assert billing("wallets", "refill-cache").code == 0
    assert cache.hget("balance:1", "balance_micros") == "-200000"


def test_a_wrong_cache_is_swept_and_said_to_have_been_wrong(shop, cache, billing):
    billing("wallets", "refill-cache")
    cache.hset("balance:1", "balance_micros", 5)
    ran = billing("wallets", "sweep-cache", "--json")
    assert (ran.code, json.loads(ran.out)["different"]) == (1, 1)
    assert billing("wallets", "sweep-cache").code == 0


def test_a_hold_is_asked_for_and_voided(shop, cache, billing):
    asked = ("acme", "otp.delivered", "h1", "--property", "channel=sms", "--json")
    ran = billing("wallets", "hold", *asked)
    assert (ran.code, json.loads(ran.out)["answer"]) == (0, "yes")
    assert json.loads(billing("wallets", "may-send", *asked[:2], "--json").out)["reserved_micros"] == 200_002
    assert json.loads(billing("wallets", "void", "acme", "h1", "--json").out) == {"released": 1}
    assert json.loads(billing("wallets", "settle", "acme", "h1", "--json").out) == {"released": 0}


def test_a_suspended_account_is_a_no_with_exit_code_one(shop, cache, billing):
    billing("wallets", "refill-cache")
    cache.hset("balance:1", "status", "suspended")
    ran = billing("wallets", "may-send", "acme", "otp.delivered", "--json")
    assert (ran.code, json.loads(ran.out)["answer"]) == (1, "suspended")


def test_a_property_without_a_value_is_refused_with_an_example(shop, billing):
    ran = billing("wallets", "may-send", "acme", "otp.delivered", "--property", "sms")
    assert ran.code == 2
    assert "channel=sms" in ran.err


def test_credit_is_granted_listed_and_on_the_statement(shop, cache, billing):
    granted = ("wallets", "grant", "acme", "100.00", "LAUNCH", "--reason", "launch", "--promotional", "--json")
    assert json.loads(billing(*granted).out)["granted"] is True
    assert json.loads(billing(*granted).out)["granted"] is False
    (lot,) = json.loads(billing("wallets", "lots", "acme", "--json").out)
    assert (lot["kind"], lot["remaining"], lot["in_use"]) == ("promotional", "99.800000", True)
    span = ("--from", "2026-01-01", "--to", "2100-01-01T00:00+05:30")
    statement = json.loads(billing("wallets", "statement", "acme", *span, "--json").out)
    assert (statement["opening_micros"], statement["closing_micros"]) == (0, 99_800_000)
    assert "closing" in billing("wallets", "statement", "acme", *span).out
    assert json.loads(billing("wallets", "expire", "--json").out) == {"lots": 0, "micros": 0}
    assert cache.hget("balance:1", "balance_micros") == "99800000"


def test_an_amount_that_is_not_a_number_is_refused(shop, billing):
    ran = billing("wallets", "grant", "acme", "much", "G", "--reason", "why")
    assert (ran.code, "1000.00" in ran.err) == (2, True)
