"""What Redis missed of payments and looks is told again, the newest only."""

import pytest

from domain.errors import EngineUnavailable
from invoicing.hold_ports import CachedStanding
from invoicing.metering_ports import Balance
from streams.told_again import ToldAgain


class Redis:
    """Silent until it is let speak."""

    def __init__(self):
        self.silent, self.told = True, []

    def put(self, items):
        if self.silent:
            raise EngineUnavailable("Redis does not answer")
        self.told += items

    put_standings = put


@pytest.fixture
def redis():
    return Redis()


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def cache(redis, clock):
    return ToldAgain(redis, lambda: clock[0])


def a_balance(version, micros=5):
    return Balance(1, 1, micros, version)


def a_standing(version, status="suspended"):
    return CachedStanding(1, status, 0, version)


def test_what_was_missed_holds_nobody_up_and_is_told_once_when_redis_answers_again(redis, cache, clock):
    cache.put([a_balance(1)])
    cache.put_standings([a_standing(1)])
    redis.silent = False
    cache.tell()
    assert redis.told == []  # left alone for two seconds
    clock[0] += 2
    cache.tell()
    cache.tell()
    assert redis.told == [a_standing(1), a_balance(1)]


def test_of_what_was_missed_the_newest_is_told_in_whatever_order_it_came(redis, cache, clock):
    for version in (2, 1, 3, 2):
        cache.put_standings([a_standing(version)])
        cache.put([a_balance(version)])
    redis.silent = False
    clock[0] += 2
    cache.tell()
    assert redis.told == [a_standing(3), a_balance(3)]


def test_with_nothing_missed_nothing_is_asked_of_redis(redis, cache):
    cache.tell()
    assert redis.told == []
