"""Which thresholds a wallet crossed and where it should stand, replayed from its ledger by the rules as they are stated.

Every dip below a threshold has its alert, whether anybody looked before it was over or not. Service is stopped by what a
look finds at its moment: a stay without credit that nobody saw is a fault unless it was short, or something was down.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.drill.wallets.paper import Entry
from tests.drill.wallets.world import ALERT_MICROS, ALERT_PERCENT, LOW_MICROS

ABSOLUTE, PERCENT = f"absolute:{ALERT_MICROS}", f"percent_of_last_top_up:{ALERT_PERCENT}"


@dataclass
class Dip:
    """A stay at or below a level, from the entry that came there to the one that rose above it again with the margin."""

    threshold: str
    first_version: int
    began_at: float
    end_version: int | None = None
    ended_at: float | None = None


def levels(entries: Sequence[Entry], threshold: str) -> Iterator[tuple[Entry, int]]:
    """Every entry with the threshold's level after it."""
    last_top_up = None
    for entry in entries:
        if entry.cause == "top_up":
            last_top_up = entry.amount_micros
        if threshold == ABSOLUTE:
            yield entry, ALERT_MICROS
        elif last_top_up is not None:
            yield entry, last_top_up * ALERT_PERCENT // 100


def dips(entries: Sequence[Entry], threshold: str) -> list[Dip]:
    """All dips below a threshold, in order."""
    found: list[Dip] = []
    armed: bool | None = None
    for entry, level in levels(entries, threshold):
        if armed is not False and entry.balance_micros <= level:
            if armed:
                found.append(Dip(threshold, entry.version, entry.booked_at.timestamp()))
                armed = False
        elif armed is None or (armed is False and entry.balance_micros >= level + max(level * 10 // 100, 1)):
            if armed is False:
                found[-1].end_version, found[-1].ended_at = entry.version, entry.booked_at.timestamp()
            armed = True
    return found


def stays_suspended(entries: Sequence[Entry], grace_micros: int) -> list[Dip]:
    """From each entry that used up credit and grace to the one that brought credit back."""
    found: list[Dip] = []
    out = False
    for entry in entries:
        if not out and entry.balance_micros <= 0 and step("active", entry.balance_micros, grace_micros) == "suspended":
            found.append(Dip("suspended", entry.version, entry.booked_at.timestamp()))
            out = True
        elif out and entry.balance_micros > 0:
            found[-1].end_version, found[-1].ended_at = entry.version, entry.booked_at.timestamp()
            out = False
    return found


def step(state: str, balance_micros: int, grace_micros: int) -> str:
    """The rule of standings; an account without a grace has none in time either."""
    if balance_micros > 0:
        return "low" if balance_micros <= LOW_MICROS else "active"
    over = grace_micros == 0 or balance_micros < -grace_micros
    return "suspended" if over or state == "suspended" else "grace"


def floor_micros(state: str, grace_micros: int) -> int:
    """Below which balance nothing is promised."""
    return 0 if state == "suspended" else -grace_micros


def unseen(found: Sequence[Dip], seen_at: Callable[[Dip], bool], *, excused: Callable[[float, float], bool]) -> list[Dip]:
    """Dips nobody saw although there was time, and nothing was down."""
    return [dip for dip in found if not seen_at(dip) and (dip.ended_at is None or not excused(dip.began_at, dip.ended_at))]
