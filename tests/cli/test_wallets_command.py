"""`billing wallets refill-cache`: an empty or wrong Redis has every balance again."""

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
    assert cache.hgetall("balance:1") == {"balance_micros": "-200000", "version": "1"}
    assert cache.hgetall("balance:2") == {"balance_micros": "0", "version": "0"}


def test_a_newer_balance_stays(shop, cache, billing):
    metering_wiring.balance_cache().put([Balance(1, 1, -900_000, 7)])
    assert billing("wallets", "refill-cache").code == 0
    assert cache.hget("balance:1", "version") == "7"


def test_a_cache_emptied_after_it_was_filled_is_filled_again(shop, cache, billing):
    billing("wallets", "refill-cache")
    cache.flushdb()
    assert billing("wallets", "refill-cache").code == 0
    assert cache.hget("balance:1", "balance_micros") == "-200000"
