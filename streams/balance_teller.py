"""Telling balances to the cache without ever holding up metering: what could not be told waits for the next turn.

Where something is reserved, the events just booked settle their holds: after the balance was told, never before, so that
what may still be promised is never too much, not for an instant. A settlement that is missed (the cache was away, or the
worker died) is made up for by the hold's own end.
"""

import logging
from collections.abc import Callable, Sequence

from domain.errors import EngineUnavailable
from domain.rating.usage import Usage
from invoicing.metering_ports import Balance, BalanceCache, HoldSettler
from streams.untold import keep_newest

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 2.0


class BalanceTeller:
    """Keeps the newest untold balance of each wallet and tries the cache again after a pause when it fails."""

    def __init__(
        self, cache: BalanceCache, monotonic_seconds: Callable[[], float], holds: HoldSettler | None = None
    ) -> None:
        self._cache = cache
        self._holds = holds
        self._monotonic_seconds = monotonic_seconds
        self._untold: dict[int, Balance] = {}
        self._not_before = 0.0

    @property
    def untold(self) -> int:
        """How many balances the cache has not been told."""
        return len(self._untold)

    def tell(self, balances: Sequence[Balance] = (), rated: Sequence[Usage] = ()) -> None:
        """Tell these and everything untold before, and settle these events' holds; never raises because of the cache."""
        keep_newest(self._untold, balances, lambda balance: balance.wallet_id)
        if not self._untold or self._monotonic_seconds() < self._not_before:
            return
        try:
            holding = self._cache.put(list(self._untold.values()))
            if holding and rated and self._holds is not None:
                self._settle(self._holds, holding, rated)
        except EngineUnavailable as error:
            self._not_before = self._monotonic_seconds() + _RETRY_SECONDS
            _log.warning("%s; %d balances wait to be told", error, len(self._untold))
            return
        self._untold.clear()

    def _settle(self, holds: HoldSettler, holding: Sequence[Balance], rated: Sequence[Usage]) -> None:
        owners = {balance.wallet_id: balance.account_id for balance in holding}
        settled: dict[int, list[str]] = {}
        for usage in rated:
            owner = owners.get(usage.place.wallet_id)
            if owner is not None:
                settled.setdefault(owner, []).append(hold_id(usage))
        for owner, hold_ids in settled.items():
            holds.release(owner, hold_ids)


def hold_id(usage: Usage) -> str:
    """The hold an event settles: the one it names in its property `hold_id`, or else the one of its own id."""
    event = usage.received.event
    named = event.properties.get("hold_id")
    return named if isinstance(named, str) else event.id
