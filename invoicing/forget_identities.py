"""Forget identities: what happened longer ago than a retry may come is taken out of the 24-hour store (DESIGN §3.2).

An event that comes again later is still known by its identity and its time together, for as long as events are kept.
"""

from datetime import datetime, timedelta
from typing import Final, Protocol

KEPT: Final = timedelta(hours=36)
"""24 hours, and 12 more by which workers may lag behind the broker's clock, which both are counted by."""


class Identities(Protocol):
    """The 24-hour store."""

    def forget(self, *, claimed_before: datetime, limit: int) -> int:
        """Remove at most `limit` identities claimed before an instant; returns how many it removed."""


def forget_identities(identities: Identities, *, now: datetime, limit: int = 10_000) -> int:
    """Remove what is old enough, a slice at a time, so that nobody waits for it. Returns how many."""
    forgotten = 0
    while True:
        removed = identities.forget(claimed_before=now - KEPT, limit=limit)
        forgotten += removed
        if removed < limit:
            return forgotten
