"""Telling balances: the cache never holds up metering, and what it missed is told later, newest only."""

from types import SimpleNamespace

import pytest

from domain.errors import EngineUnavailable
from invoicing.metering_ports import Balance
from streams.balance_teller import BalanceTeller


class Cache:
    """A cache that can be down; keeps every call."""

    def __init__(self):
        self.down = False
        self.holding = set()
        self.calls = []

    def put(self, balances):
        self.calls.append(list(balances))
        if self.down:
            raise EngineUnavailable("Redis does not answer")
        return [balance for balance in balances if balance.account_id in self.holding]


class Clock:
    """Seconds that pass when told."""

    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def cache():
    return Cache()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def teller(cache, clock):
    return BalanceTeller(cache, clock)


def a_balance(version, *, wallet_id=1):
    return Balance(wallet_id=wallet_id, account_id=wallet_id + 100, balance_micros=-version, version=version)


def test_balances_are_told_at_once(teller, cache):
    teller.tell([a_balance(1), a_balance(1, wallet_id=2)])
    assert cache.calls == [[a_balance(1), a_balance(1, wallet_id=2)]]
    assert teller.untold == 0


def test_nothing_to_tell_asks_nothing_of_the_cache(teller, cache):
    teller.tell([])
    teller.tell()
    assert cache.calls == []


def test_of_one_wallet_only_the_newest_is_told_in_whatever_order_they_come(teller, cache):
    teller.tell([a_balance(2), a_balance(9), a_balance(3)])
    assert cache.calls == [[a_balance(9)]]


def test_a_cache_that_is_down_raises_nothing_and_keeps_what_it_missed(teller, cache):
    cache.down = True
    teller.tell([a_balance(1)])
    assert teller.untold == 1


def test_a_cache_that_is_down_is_left_alone_for_two_seconds(teller, cache, clock):
    cache.down = True
    teller.tell([a_balance(1)])
    clock.seconds += 1.9
    teller.tell([a_balance(2)])
    assert len(cache.calls) == 1
    clock.seconds += 0.2
    teller.tell([a_balance(3)])
    assert len(cache.calls) == 2


def test_what_was_missed_is_told_with_the_next_batch_newest_only(teller, cache, clock):
    cache.down = True
    teller.tell([a_balance(1), a_balance(5, wallet_id=2)])
    cache.down = False
    clock.seconds += 2.1
    teller.tell([a_balance(2), a_balance(4, wallet_id=2)])
    assert cache.calls[-1] == [a_balance(2), a_balance(5, wallet_id=2)]
    assert teller.untold == 0


def test_what_was_missed_is_told_also_when_nothing_new_came(teller, cache, clock):
    cache.down = True
    teller.tell([a_balance(1)])
    cache.down = False
    clock.seconds += 2.1
    teller.tell()
    assert cache.calls[-1] == [a_balance(1)]


def test_an_untold_balance_is_remembered_once_a_wallet(teller, cache):
    cache.down = True
    for version in range(1, 1_000):
        teller.tell([a_balance(version)])
    assert teller.untold == 1


def test_another_fault_than_a_silent_engine_is_not_swallowed(teller, cache, monkeypatch):
    def broken(balances):
        raise TypeError("a fault of the program")

    monkeypatch.setattr(cache, "put", broken)
    with pytest.raises(TypeError):
        teller.tell([a_balance(1)])


class Holds:
    """Reservations as they are ended."""

    def __init__(self):
        self.released = []

    def release(self, account_id, hold_ids):
        self.released.append((account_id, list(hold_ids)))
        return len(hold_ids)


def a_rated(event_id, *, wallet_id=1, **properties):
    event = SimpleNamespace(id=event_id, properties=properties)
    return SimpleNamespace(received=SimpleNamespace(event=event), place=SimpleNamespace(wallet_id=wallet_id))


def test_booked_events_settle_holds_only_where_something_is_reserved(cache, clock):
    holds = Holds()
    teller = BalanceTeller(cache, clock, holds)
    cache.holding = {101}
    teller.tell(
        [a_balance(1), a_balance(1, wallet_id=2)], [a_rated("e1"), a_rated("e2", hold_id="h2"), a_rated("e3", wallet_id=2)]
    )
    assert holds.released == [(101, ["e1", "h2"])]


def test_a_cache_that_is_down_settles_nothing_and_holds_end_by_themselves(cache, clock):
    holds = Holds()
    teller = BalanceTeller(cache, clock, holds)
    cache.down, cache.holding = True, {101}
    teller.tell([a_balance(1)], [a_rated("e1")])
    assert holds.released == []
