"""Refill balances: a cache that came back empty is told every balance and standing, also those that nothing changes.

Metering tells only what it books: without this, an account that is quiet after the cache was lost would have no balance.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from invoicing.hold_ports import Credit


class Wallets(Protocol):
    """The truth."""

    def credit_in_portions(self) -> Iterator[Sequence[Credit]]:
        """Every wallet's committed balance with what its owner may do, some at a time, however many there are."""


class RefillableCache(Protocol):
    """The copy. A life is the time from one start of its process to the next; its contents do not outlast it."""

    def fill(self, portion: Sequence[Credit]) -> None:
        """Take over balances and standings; an older version changes nothing."""

    def life(self) -> str:
        """Which life this is."""

    def filled_in(self) -> str | None:
        """The life in which it was filled; None when nobody has filled what is there now."""

    def begin_filling(self, life: str) -> None:
        """Every wallet is about to be told in this life."""

    def mark_filled(self) -> bool:
        """Every wallet was told since filling began; False when the copy lost its content meanwhile."""


def refill_balances(wallets: Wallets, cache: RefillableCache, *, always: bool = False) -> int | None:
    """Tell every balance unless that was done and is still there. Returns how many, None when nothing was to do.

    With `always` they are told whatever the cache says of itself. May run in several processes at once: versions decide. A
    cache that starts anew or is emptied in the middle is filled the next time, because its mark is of a life that is over,
    or was lost with the content before it could be set.
    """
    life = cache.life()
    if not always and cache.filled_in() == life:
        return None
    cache.begin_filling(life)
    told = 0
    for portion in wallets.credit_in_portions():
        cache.fill(portion)
        told += len(portion)
    cache.mark_filled()
    return told
