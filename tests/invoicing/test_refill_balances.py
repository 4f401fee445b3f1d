"""Refilling balances: once in each life of the cache, and again when it died on the way."""

from dataclasses import dataclass, field

from invoicing.hold_ports import CachedStanding
from invoicing.metering_ports import Balance
from invoicing.refill_balances import refill_balances


class Wallets:
    """Two wallets that nobody uses."""

    def all_balances(self) -> list[Balance]:
        return [Balance(101, 1, 500, 3), Balance(102, 2, -70, 9)]

    def all_standings(self) -> list[CachedStanding]:
        return [CachedStanding(1, "active", 0, 0), CachedStanding(2, "grace", -500, 4)]


@dataclass
class Cache:
    """A cache that loses everything when it starts anew; it may do so in the middle of being filled."""

    run: int = 1
    dies_after_put: bool = False
    held: dict[int, int] = field(default_factory=dict)
    mark: str | None = None
    begun: str | None = None
    emptied_after_put: bool = False
    standings: dict[int, str] = field(default_factory=dict)

    def start_anew(self) -> None:
        self.run += 1
        self.empty()

    def empty(self) -> None:
        self.held, self.mark, self.begun = {}, None, None

    def put(self, balances: list[Balance]) -> None:
        self.held.update({balance.account_id: balance.balance_micros for balance in balances})
        if self.dies_after_put:
            self.dies_after_put = False
            self.start_anew()

        if self.emptied_after_put:
            self.emptied_after_put = False
            self.empty()

    def put_standings(self, standings: list[CachedStanding]) -> None:
        self.standings.update({standing.account_id: standing.status for standing in standings})

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


def test_a_cache_that_was_emptied_is_filled_again_in_the_same_life():
    cache = Cache()
    refill_balances(Wallets(), cache)
    cache.empty()

    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}


def test_a_cache_emptied_between_its_filling_and_the_mark_is_filled_the_next_time():
    cache = Cache(emptied_after_put=True)
    refill_balances(Wallets(), cache)

    assert cache.held == {}
    assert refill_balances(Wallets(), cache) == 2
    assert cache.held == {1: 500, 2: -70}


def test_a_person_may_have_it_filled_whatever_its_mark_says():
    cache = Cache()
    refill_balances(Wallets(), cache)
    cache.held.clear()

    assert refill_balances(Wallets(), cache, always=True) == 2
    assert cache.held == {1: 500, 2: -70}
