"""Balances in Redis: a versioned copy, exact to the micro, that an older balance never overwrites."""

import itertools

import pytest

from connectors import metering_wiring
from connectors.redis.balances import RedisBalances
from domain.errors import EngineUnavailable
from invoicing.metering_ports import Balance

pytestmark = pytest.mark.engines


@pytest.fixture
async def balances(cache):
    balances = metering_wiring.balance_cache()
    yield balances
    await balances.close()


def a_balance(micros, version, *, account_id=1):
    return Balance(wallet_id=account_id + 100, account_id=account_id, balance_micros=micros, version=version)


async def test_a_balance_is_read_as_it_was_put(balances, cache):
    await balances.put([a_balance(-200_000, 7), a_balance(1_000_000, 1, account_id=2)])
    assert await balances.read([1, 2, 3]) == {1: (-200_000, 7), 2: (1_000_000, 1)}
    assert cache.hgetall("balance:1") == {"balance_micros": "-200000", "version": "7"}


@pytest.mark.parametrize("order", list(itertools.permutations([9, 10, 11])), ids=str)
async def test_an_older_version_never_overwrites_a_newer_one_in_any_order(balances, order):
    for version in order:
        await balances.put([a_balance(version * 1_000, version)])
    assert await balances.read([1]) == {1: (11_000, 11)}


@pytest.mark.parametrize(
    ("older", "newer"), [(9, 10), (99, 100), (2**53, 2**53 + 1), (10**18 - 1, 10**18), (2**62, 2**63 - 1)]
)
async def test_versions_are_compared_as_whole_numbers_beyond_what_a_double_holds(balances, older, newer):
    await balances.put([a_balance(1, newer)])
    await balances.put([a_balance(2, older)])
    assert await balances.read([1]) == {1: (1, newer)}
    await balances.put([a_balance(3, older, account_id=2)])
    await balances.put([a_balance(4, newer, account_id=2)])
    assert await balances.read([2]) == {2: (4, newer)}


@pytest.mark.parametrize("micros", [0, 10**18, 10**18 + 1, -(10**18) - 1, 2**63 - 1, -(2**63)])
async def test_balances_are_exact_to_the_last_micro(balances, micros):
    await balances.put([a_balance(micros, 1)])
    assert await balances.read([1]) == {1: (micros, 1)}


async def test_of_one_wallet_twice_in_a_call_the_newer_stays(balances):
    await balances.put([a_balance(2, 2), a_balance(1, 1), a_balance(3, 3)])
    assert await balances.read([1]) == {1: (3, 3)}


async def test_more_balances_than_one_call_carries_are_all_put_and_read(balances):
    await balances.put([a_balance(account_id, 1, account_id=account_id) for account_id in range(4_500)])
    found = await balances.read(range(4_500))
    assert found == {account_id: (account_id, 1) for account_id in range(4_500)}


async def test_nothing_put_and_nothing_read_is_nothing(balances):
    await balances.put([])
    assert await balances.read([]) == {}


async def test_the_script_is_loaded_again_after_redis_forgot_it(balances, cache):
    await balances.put([a_balance(1, 1)])
    cache.script_flush()
    await balances.put([a_balance(2, 2)])
    assert await balances.read([1]) == {1: (2, 2)}


async def test_a_redis_that_is_down_is_given_up_at_once_so_that_the_worker_goes_on(monkeypatch):
    async def pause(seconds):
        raise AssertionError(f"the worker would wait {seconds} s for its cache")

    monkeypatch.setattr("redis.asyncio.retry.sleep", pause)
    nobody = RedisBalances(host="127.0.0.1", port=1, database=0)
    with pytest.raises(EngineUnavailable):
        await nobody.put([a_balance(1, 1)])
    await nobody.close()


async def test_a_redis_that_does_not_answer_is_one_sentence():
    nobody = RedisBalances(host="127.0.0.1", port=1, database=0)
    for call in (nobody.ping(), nobody.put([a_balance(1, 1)]), nobody.read([1])):
        with pytest.raises(EngineUnavailable, match=r"Redis does not answer \(.*\): see `make status`"):
            await call
    await nobody.close()
