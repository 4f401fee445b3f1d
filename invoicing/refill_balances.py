"""Refill balances: a cache that came back empty is told every balance, also those that nothing changes any more.

Metering tells only what it books: without this, an account that is quiet after the cache was lost would have no balance.
"""

from collections.abc import Sequence
from typing import Protocol

from invoicing.metering_ports import Balance


class Wallets(Protocol):
    """The truth."""

    def all_balances(self) -> Sequence[Balance]:
        """Committed balances of every wallet."""


class RefillableCache(Protocol):
    """The copy. A life is the time from one start of its process to the next; its contents do not outlast it."""

    def put(self, balances: Sequence[Balance]) -> None:
        """Take over balances; an older version changes nothing."""

    def life(self) -> str:
        """Which life this is."""

    def filled_in(self) -> str | None:
        """The life in which it was filled; None when nobody has filled what is there now."""

    def mark_filled(self, life: str) -> None:
        """Every wallet was told in this life."""


def refill_balances(wallets: Wallets, cache: RefillableCache) -> int | None:
    """Tell every balance unless that was done in this life of the cache. Returns how many, None when nothing was to do.

    May run in several processes at once: versions decide. A cache that starts anew in the middle is filled the next time,
    because the mark then names a life that is over.
    """
    life = cache.life()
    if cache.filled_in() == life:
        return None
    balances = wallets.all_balances()
    cache.put(balances)
    cache.mark_filled(life)
    return len(balances)
