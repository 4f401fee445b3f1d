"""Sweeping the cache: what differs from the books is put right, and what is only newer is left alone."""

import pytest

from connectors import hold_wiring, metering_wiring
from invoicing.sweep_cache import Swept, sweep_cache
from tests.books import an_event, book, open_account

pytestmark = pytest.mark.engines
CLEAN = {"missing": 0, "behind": 0, "ahead": 0, "different": 0, "reservations_mended": 0}


@pytest.fixture
def wallets(shop, cache):
    """Two accounts with usage, none of it told to the cache."""
    open_account("acme")
    open_account("bolt")
    book(shop, [an_event("acme"), an_event("bolt")], warehouse=False)
    return cache


def sweep():
    return sweep_cache(hold_wiring.credit_books(), metering_wiring.balance_cache(), metering_wiring.holds())


def test_an_empty_cache_is_filled_and_then_found_clean(wallets):
    assert sweep() == Swept(compared=2, **{**CLEAN, "missing": 2})
    assert sweep() == Swept(compared=2, **CLEAN)
    assert wallets.hgetall("balance:1") == {
        "balance_micros": "-200000", "version": "1", "status": "active", "floor_micros": "", "standing_version": "0",
    }  # fmt: skip


def test_what_is_behind_is_told_and_what_cannot_come_from_the_books_is_replaced(wallets):
    sweep()
    wallets.hset("balance:1", mapping={"balance_micros": 5, "version": 0})
    wallets.hset("balance:2", mapping={"balance_micros": 5, "version": 99})
    assert sweep() == Swept(compared=2, **{**CLEAN, "behind": 1, "ahead": 1})
    assert wallets.hget("balance:2", "balance_micros") == "-200000"
    wallets.hset("balance:1", "balance_micros", 7)
    assert sweep() == Swept(compared=2, **{**CLEAN, "different": 1})
    assert sweep() == Swept(compared=2, **CLEAN)


def test_a_balance_booked_while_the_sweep_reads_is_not_taken_for_wrong(wallets, shop):
    sweep()
    books, balances = hold_wiring.credit_books(), metering_wiring.balance_cache()

    class BooksReadTooEarly:
        """Between the first reading and the look at the cache, a worker books and tells."""

        credit = staticmethod(books.credit)

        @staticmethod
        def all_credit():
            read = books.all_credit()
            balances.put(book(shop, [an_event("acme")], warehouse=False).balances)
            return read

    assert sweep_cache(BooksReadTooEarly(), balances, metering_wiring.holds()) == Swept(compared=2, **CLEAN)
    assert wallets.hget("balance:1", "version") == "2"


def test_reservations_are_added_up_anew_and_kept(wallets):
    sweep()
    metering_wiring.holds().hold(1, "h", 600, lifetime_ms=60_000)
    wallets.hset("balance:1", "reserved_micros", 1)
    assert sweep() == Swept(compared=2, **{**CLEAN, "reservations_mended": 1})
    assert wallets.hget("balance:1", "reserved_micros") == "600"
