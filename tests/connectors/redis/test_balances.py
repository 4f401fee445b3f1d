"""Balances in Redis: a versioned copy, exact to the micro, that an older balance never overwrites."""

import itertools

import pytest

from connectors import metering_wiring
from connectors.redis.balances import RedisBalances
from domain.errors import EngineUnavailable
from invoicing.books_ports import CachedBalance
from invoicing.hold_ports import CachedStanding, Credit
from invoicing.metering_ports import Balance

pytestmark = pytest.mark.engines


@pytest.fixture
def balances(cache):
    balances = metering_wiring.balance_cache()
    yield balances
    balances.close()


def a_balance(micros, version, *, account_id=1):
    return Balance(wallet_id=account_id + 100, account_id=account_id, balance_micros=micros, version=version)


def test_a_balance_is_read_as_it_was_put(balances, cache):
    balances.put([a_balance(-200_000, 7), a_balance(1_000_000, 1, account_id=2)])
    assert balances.read([1, 2, 3]) == {1: CachedBalance(-200_000, 7), 2: CachedBalance(1_000_000, 1)}
    assert cache.hgetall("balance:1") == {"balance_micros": "-200000", "version": "7"}


@pytest.mark.parametrize("order", list(itertools.permutations([9, 10, 11])), ids=str)
def test_an_older_version_never_overwrites_a_newer_one_in_any_order(balances, order):
    for version in order:
        balances.put([a_balance(version * 1_000, version)])
    assert balances.read([1]) == {1: CachedBalance(11_000, 11)}


@pytest.mark.parametrize(
    ("older", "newer"), [(9, 10), (99, 100), (2**53, 2**53 + 1), (10**18 - 1, 10**18), (2**62, 2**63 - 1)]
)
def test_versions_are_compared_as_whole_numbers_beyond_what_a_double_holds(balances, older, newer):
    balances.put([a_balance(1, newer)])
    balances.put([a_balance(2, older)])
    assert balances.read([1]) == {1: CachedBalance(1, newer)}
    balances.put([a_balance(3, older, account_id=2)])
    balances.put([a_balance(4, newer, account_id=2)])
    assert balances.read([2]) == {2: CachedBalance(4, newer)}


@pytest.mark.parametrize("micros", [0, 10**18, 10**18 + 1, -(10**18) - 1, 2**63 - 1, -(2**63)])
def test_balances_are_exact_to_the_last_micro(balances, micros):
    balances.put([a_balance(micros, 1)])
    assert balances.read([1]) == {1: CachedBalance(micros, 1)}


def test_of_one_wallet_twice_in_a_call_the_newer_stays(balances):
    balances.put([a_balance(2, 2), a_balance(1, 1), a_balance(3, 3)])
    assert balances.read([1]) == {1: CachedBalance(3, 3)}


def test_more_balances_than_one_call_carries_are_all_put_and_read(balances):
    balances.put([a_balance(account_id, 1, account_id=account_id) for account_id in range(4_500)])
    found = balances.read(range(4_500))
    assert found == {account_id: CachedBalance(account_id, 1) for account_id in range(4_500)}


def test_nothing_put_and_nothing_read_is_nothing(balances):
    balances.put([])
    assert balances.read([]) == {}


def test_the_script_is_loaded_again_after_redis_forgot_it(balances, cache):
    balances.put([a_balance(1, 1)])
    cache.script_flush()
    balances.put([a_balance(2, 2)])
    assert balances.read([1]) == {1: CachedBalance(2, 2)}


def test_a_redis_that_is_down_is_given_up_at_once_so_that_the_worker_goes_on(monkeypatch):
    def pause(seconds):
        raise AssertionError(f"the worker would wait {seconds} s for its cache")

    monkeypatch.setattr("redis.asyncio.retry.sleep", pause)
    nobody = RedisBalances(host="127.0.0.1", port=1, database=0)
    with pytest.raises(EngineUnavailable):
        nobody.put([a_balance(1, 1)])
    nobody.close()


def test_a_redis_that_does_not_answer_is_one_sentence():
    nobody = RedisBalances(host="127.0.0.1", port=1, database=0)
    for call in (nobody.ping, lambda: nobody.put([a_balance(1, 1)]), lambda: nobody.read([1])):
        with pytest.raises(EngineUnavailable, match=r"Redis does not answer \(.*\): see `make status`"):
            call()
    nobody.close()


def test_a_mark_of_being_filled_names_the_life_of_the_server_and_goes_with_the_contents(balances, cache):
    assert balances.filled_in() is None
    balances.begin_filling(balances.life())
    assert balances.filled_in() is None
    assert balances.mark_filled()

    assert balances.filled_in() == balances.life()
    assert cache.ttl("balances:filled") == -1
    cache.flushdb()
    assert balances.filled_in() is None


def test_a_cache_emptied_while_it_is_filled_is_not_marked(balances, cache):
    balances.begin_filling(balances.life())
    cache.flushdb()
    another = metering_wiring.balance_cache()
    another.begin_filling(another.life())
    assert not balances.mark_filled()
    assert balances.filled_in() is None
    assert another.mark_filled()
    another.close()


def a_credit(account_id, *, micros=5, version=1, status="active", floor=0, standing_version=1):
    standing = CachedStanding(account_id, status, floor, standing_version)
    return Credit(a_balance(micros, version, account_id=account_id), standing)


def test_a_cache_is_filled_with_balances_and_standings_in_any_number(balances):
    credit = {number: a_credit(number, micros=-number, floor=None if number % 2 else 7) for number in range(1, 601)}
    balances.fill(list(credit.values()))
    assert balances.read(list(credit)) == {number: CachedBalance(-number, 1) for number in credit}
    assert balances.read_standings(list(credit)) == {number: one.standing for number, one in credit.items()}


def test_filling_never_overwrites_what_is_newer_each_for_itself(balances):
    balances.fill([a_credit(1, micros=10, version=10, status="grace", standing_version=9)])
    balances.fill([a_credit(1, micros=9, version=9, status="low", standing_version=10)])
    assert balances.read([1]) == {1: CachedBalance(10, 10)}
    assert balances.read_standings([1]) == {1: CachedStanding(1, "low", 0, 10)}
