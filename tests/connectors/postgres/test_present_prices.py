"""Prices for who answers questions: at most a second old, and nobody who asks all the time waits for them."""

import time

import pytest

from connectors import metering_wiring
from connectors.postgres.database import open_engine
from connectors.postgres.present_prices import PresentPrices
from domain.errors import EngineUnavailable
from tests.books import open_account, open_shop

pytestmark = pytest.mark.engines


class Clock:
    """Seconds as they are set."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def load(database):
    """What reads the configuration, with one account in it."""
    open_shop()
    open_account("acme")
    store = metering_wiring.metering_store("tests")
    yield store.config
    store.close()


def until(happened):
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_change_is_read_within_a_second_beside_the_answers(database, load, clock):
    prices = PresentPrices(database, load, clock)
    before = prices.config()
    open_account("bolt")
    clock.now += 0.4
    assert prices.config() is before
    clock.now += 0.2
    assert prices.config() is before  # answered while another looks
    until(lambda: "bolt" in prices.config().aliases)


def test_after_a_silence_the_look_comes_before_the_answer(database, load, clock):
    prices = PresentPrices(database, load, clock)
    prices.config()
    open_account("bolt")
    clock.now += 60
    assert "bolt" in prices.config().aliases


@pytest.mark.parametrize("seconds", [0.6, 60])
def test_without_postgresql_prices_stay_what_they_were_and_are_read_again_later(database, load, clock, seconds, caplog):
    dead = open_engine("postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    prices = PresentPrices(dead, load, clock)
    before = prices.config()
    clock.now += seconds
    assert prices.config() is before
    until(lambda: "prices are as they were" in caplog.text)
    prices._engine = database
    open_account("bolt")
    clock.now += 60
    until(lambda: "bolt" in prices.config().aliases)


def test_while_nothing_was_ever_read_it_says_so(database, clock):
    def silent():
        raise EngineUnavailable("PostgreSQL does not answer")

    with pytest.raises(EngineUnavailable):
        PresentPrices(database, silent, clock).config()
