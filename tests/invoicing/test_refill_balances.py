"""Refilling balances: once in each life of the cache, and again when it died on the way."""

from dataclasses import dataclass, field

from invoicing.metering_ports import Balance
from invoicing.refill_balances import refill_balances


class Wallets:
    """Two wallets that nobody uses."""

    def all_balances(self) -> list[Balance]:
        return [Balance(101, 1, 500, 3), Balance(102, 2, -70, 9)]


@dataclass
class Cache:
    """A cache that loses everything when it starts anew; it may do so in the middle of being filled."""

    run: int = 1
    dies_after_put: bool = False
    held: dict[int, int] = field(default_factory=dict)
    mark: str | None = None

    def start_anew(self) -> None:
        self.run, self.held, self.mark = self.run + 1, {}, None

    def put(self, balances: list[Balance]) -> None:
        self.held.update({balance.account_id: balance.balance_micros for balance in balances})
        if self.dies_after_put:
            self.dies_after_put = False
            self.start_anew()

    def life(self) -> str:
        return f"run {self.run}"

    def filled_in(self) -> str | None:
        return self.mark

    def mark_filled(self, life: str) -> None:
        self.mark = life


def test_an_empty_cache_is_told_every_balance():
    cache = Cache()

    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}


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


def test_a_cache_that_dies_between_its_filling_and_the_mark_is_filled_the_next_time():
    cache = Cache(dies_after_put=True)
    refill_balances(Wallets(), cache)

    assert cache.held == {}
    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}
