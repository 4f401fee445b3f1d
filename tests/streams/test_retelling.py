"""Telling the cache everything again: once at the beginning, and after whatever may have been missed."""

import pytest

from domain.errors import EngineUnavailable
from streams.retelling import Retelling


class Cache:
    """Counts how often it was told everything, and may be away."""

    def __init__(self):
        self.told, self.away, self.meanwhile = 0, False, None

    def tell(self):
        if self.away:
            raise EngineUnavailable("Redis is away")
        self.told += 1
        if self.meanwhile:
            self.meanwhile()


def fails():
    raise EngineUnavailable("Redis is away")


def test_what_the_process_before_may_have_missed_is_told_once_at_the_beginning():
    cache = Cache()
    retelling = Retelling(cache.tell)

    retelling.catch_up()
    retelling.catch_up()

    assert cache.told == 1


def test_a_turn_that_failed_may_have_left_something_untold():
    cache = Cache()
    retelling = Retelling(cache.tell)
    retelling.catch_up()

    with pytest.raises(EngineUnavailable):
        retelling.after_failure(fails)()
    retelling.after_failure(lambda: None)()
    retelling.catch_up()

    assert cache.told == 2


def test_everything_is_told_the_next_time_when_the_cache_is_away():
    cache = Cache()
    cache.away = True
    retelling = Retelling(cache.tell)
    with pytest.raises(EngineUnavailable):
        retelling.catch_up()
    cache.away = False

    retelling.catch_up()

    assert cache.told == 1


def test_what_is_missed_while_everything_is_told_is_told_after_it():
    cache = Cache()
    retelling = Retelling(cache.tell)

    def missed():
        cache.meanwhile = None
        with pytest.raises(EngineUnavailable):
            retelling.after_failure(fails)()

    cache.meanwhile = missed
    retelling.catch_up()
    retelling.catch_up()

    assert cache.told == 2
