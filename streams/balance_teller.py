"""Telling balances to the cache without ever holding up metering: what could not be told waits for the next turn."""

import logging
from collections.abc import Callable, Sequence

from domain.errors import EngineUnavailable
from invoicing.metering_ports import Balance, BalanceCache

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 2.0


class BalanceTeller:
    """Keeps the newest untold balance of each wallet and tries the cache again after a pause when it fails."""

    def __init__(self, cache: BalanceCache, monotonic_seconds: Callable[[], float]) -> None:
        self._cache = cache
        self._monotonic_seconds = monotonic_seconds
        self._untold: dict[int, Balance] = {}
        self._not_before = 0.0

    @property
    def untold(self) -> int:
        """How many balances the cache has not been told."""
        return len(self._untold)

    def tell(self, balances: Sequence[Balance] = ()) -> None:
        """Tell these and everything untold before; never raises because of the cache."""
        for balance in balances:
            known = self._untold.get(balance.wallet_id)
            if known is None or balance.version > known.version:
                self._untold[balance.wallet_id] = balance
        if not self._untold or self._monotonic_seconds() < self._not_before:
            return
        try:
            self._cache.put(list(self._untold.values()))
        except EngineUnavailable as error:
            self._not_before = self._monotonic_seconds() + _RETRY_SECONDS
            _log.warning("%s; %d balances wait to be told", error, len(self._untold))
            return
        self._untold.clear()
