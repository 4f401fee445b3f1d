"""A cache that hears again what it missed: what is decided once is told once, so a silence of Redis must not swallow it.

Nor does it hold up who decides: whatever Redis does, looks go on and core hears of them on the topic.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from domain.errors import EngineUnavailable
from invoicing.hold_ports import CachedStanding
from invoicing.metering_ports import Balance
from streams.untold import keep_newest

_log = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 2.0


class Cache(Protocol):
    """Where balances and standings are told."""

    def put(self, balances: Sequence[Balance]) -> object:
        """Take over balances; an older version changes nothing."""

    def put_standings(self, standings: Sequence[CachedStanding]) -> None:
        """Take over standings; an older version changes nothing."""


class ToldAgain:
    """Keeps the newest of what the cache has not been told. Several threads may use it."""

    def __init__(self, cache: Cache, monotonic_seconds: Callable[[], float]) -> None:
        self._cache = cache
        self._monotonic_seconds = monotonic_seconds
        self._turn = threading.Lock()
        self._balances: dict[int, Balance] = {}
        self._standings: dict[int, CachedStanding] = {}
        self._not_before = 0.0

    def put(self, balances: Sequence[Balance]) -> None:
        """Tell these and everything missed before; never raises because of the cache."""
        with self._turn:
            keep_newest(self._balances, balances, lambda balance: balance.wallet_id)
            self._tell()

    def put_standings(self, standings: Sequence[CachedStanding]) -> None:
        """Tell these and everything missed before; never raises because of the cache."""
        with self._turn:
            keep_newest(self._standings, standings, lambda standing: standing.account_id)
            self._tell()

    def tell(self) -> None:
        """Tell what was missed, if anything."""
        with self._turn:
            self._tell()

    def _tell(self) -> None:
        untold = len(self._balances) + len(self._standings)
        if not untold or self._monotonic_seconds() < self._not_before:
            return
        try:
            if self._standings:
                self._cache.put_standings(list(self._standings.values()))
                self._standings.clear()
            if self._balances:
                self._cache.put(list(self._balances.values()))
                self._balances.clear()
        except EngineUnavailable as error:
            self._not_before = self._monotonic_seconds() + _RETRY_SECONDS
            _log.warning("%s; %d balances and standings wait to be told", error, untold)
