"""The watcher as a process: what the one before it committed and did not tell is told by the next."""

import os
import subprocess
import sys
from decimal import Decimal

import pytest

from connectors import clock, metering_wiring, wiring
from connectors.settings import PROJECT_ROOT
from invoicing.administer import top_up
from invoicing.refill_balances import refill_balances
from invoicing.watch_wallets import watch_wallets
from tests.books import AUTHOR, open_account, open_shop
from tests.installation import wait_until

pytestmark = pytest.mark.engines


class Deaf:
    """A watcher dies before it tells the cache."""

    def put_standings(self, standings):
        pass


def test_a_starting_watcher_tells_what_the_one_before_it_committed_and_did_not_tell(database, cache):
    open_shop()
    open_account("acme", mode="prepaid")
    store = metering_wiring.metering_store("tests")
    refill_balances(store, metering_wiring.balance_cache())  # nothing is missing as far as the refill knows
    store.close()
    top_up(wiring.administration(), account_code="acme", amount=Decimal(10), reference="first", author=AUTHOR)
    watch = metering_wiring.wallet_watch()
    assert watch_wallets(watch, Deaf(), now=clock.now()).standings_changed == 1
    watch.close()

    process = subprocess.Popen(
        [sys.executable, "-m", "streams.wallet_watcher"], cwd=PROJECT_ROOT, env={**os.environ}, stdin=subprocess.PIPE
    )
    try:
        wait_until(
            lambda: cache.hmget("balance:1", "balance_micros", "standing_version") == ["10000000", "1"],
            "Redis was told the balance and the standing",
        )
    finally:
        process.stdin.close()
        process.wait(40)
