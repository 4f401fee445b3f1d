"""Refilling balances: once in each life of the cache, and again when it died on the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from invoicing.hold_ports import CachedStanding, Credit
from invoicing.metering_ports import Balance
from invoicing.refill_balances import refill_balances


class Wallets:
    """Two wallets that nobody uses."""

    def credit_in_portions(self) -> Iterator[list[Credit]]:
        yield [Credit(Balance(101, 1, 500, 3), CachedStanding(1, "active", 0, 0))]
        yield [Credit(Balance(102, 2, -70, 9), CachedStanding(2, "grace", -500, 4))]


@dataclass
class Cache:
    """A cache that loses everything when it starts anew; it may do so in the middle of being filled."""

    run: int = 1
    fills: int = 0
    dies_after: int = 0
    """So many portions."""
    emptied_after: int = 0
    held: dict[int, int] = field(default_factory=dict)
    mark: str | None = None
    begun: str | None = None
    standings: dict[int, str] = field(default_factory=dict)

    def start_anew(self) -> None:
        self.run += 1
        self.empty()

    def empty(self) -> None:
        self.held, self.mark, self.begun = {}, None, None

    def fill(self, portion: Sequence[Credit]) -> None:
        self.held.update({credit.balance.account_id: credit.balance.balance_micros for credit in portion})
        self.standings.update({credit.standing.account_id: credit.standing.status for credit in portion})
        self.fills += 1
        if self.fills == self.dies_after:
            self.start_anew()
        if self.fills == self.emptied_after:
            self.empty()

    def life(self) -> str:
        return f"run {self.run}"

    def filled_in(self) -> str | None:
        return self.mark

    def begin_filling(self, life: str) -> None:
        self.begun = life

    def mark_filled(self) -> bool:
        self.mark, self.begun = self.begun, None
        return self.mark is not None


def test_an_empty_cache_is_told_every_balance():
    cache = Cache()

    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}
    assert cache.standings == {1: "active", 2: "grace"}


def test_a_cache_that_was_filled_in_this_life_is_left_alone():
    cache = Cache()
    refill_balances(Wallets(), cache)

    assert refill_balances(Wallets(), cache) is None


def test_a_cache_that_started_anew_is_filled_again():
    cache = Cache()
    refill_balances(Wallets(), cache)
    cache.start_anew()

    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}


@pytest.mark.parametrize(("portions", "left"), [(1, {2: -70}), (2, {})])
def test_a_cache_that_dies_before_the_mark_is_filled_the_next_time(portions: int, left: dict[int, int]):
    cache = Cache(dies_after=portions)
    refill_balances(Wallets(), cache)

    assert cache.held == left
    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}


def test_a_cache_that_was_emptied_is_filled_again_in_the_same_life():
    cache = Cache()
    refill_balances(Wallets(), cache)
    cache.empty()

    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}


@pytest.mark.parametrize(("portions", "left"), [(1, {2: -70}), (2, {})])
def test_a_cache_emptied_before_the_mark_is_filled_the_next_time(portions: int, left: dict[int, int]):
    cache = Cache(emptied_after=portions)
    refill_balances(Wallets(), cache)

    assert cache.held == left
    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}


def test_a_person_may_have_it_filled_whatever_its_mark_says():
    cache = Cache()
    refill_balances(Wallets(), cache)
    cache.held.clear()

    assert refill_balances(Wallets(), cache, always=True) == 2
    assert cache.held == {1: 500, 2: -70}
