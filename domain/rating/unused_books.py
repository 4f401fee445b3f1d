"""What has to be booked so that months without usage have cost what they cost: the difference to what was booked of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.attribution import Account
from domain.catalogue.adjustments import Adjustment
from domain.catalogue.charges import Charge
from domain.rating.places import TotalKey
from domain.rating.running import RunningTotals, Total
from domain.rating.unused import Unused, adjustment_place, unused_place
from domain.rating.usage import Part


class BookedUnused(NamedTuple):
    """The price of a month without usage as it is booked."""

    charge: Charge
    amount_micros: int
    adjustments: Sequence[tuple[Adjustment, TotalKey]]
    """Those made on it, in their order, with the totals they went to."""


Booked = Mapping[TotalKey, BookedUnused]
"""By the running total of the usage that was not."""


class UnusedPart(NamedTuple):
    """A part to be booked."""

    of: TotalKey
    """The running total of the usage it is for."""
    number: int
    """0 for the price, from 1 on for adjustments in their order."""
    part: Part


@dataclass(frozen=True, slots=True)
class UnusedBooks:
    """What is booked of an account."""

    totals: Mapping[TotalKey, Total] = field(default_factory=dict)
    booked: Booked = field(default_factory=dict)


def unused_parts(account: Account, due: Iterable[Unused], books: UnusedBooks) -> list[UnusedPart]:
    """What has to be booked, given what is due by now.

    A total with events is left as it is: the first of them brought what was not booked, and what was booked is part of what
    it came to.
    """
    running = RunningTotals(books.totals)
    expected = {one.usage.total_key: one for one in due if not running.events_in(one.usage.total_key)}
    parts: list[UnusedPart] = []
    for key in sorted(books.booked.keys() - expected.keys()):
        parts += _numbered(key, bring_booked(account, key, books.booked[key], running, sign=-1))
    for key in sorted(expected.keys() - books.booked.keys()):
        one = expected[key]
        parts += _numbered(key, running.bring(one.usage, one.adjustments, one.usage.amount_micros(0)))
    return parts


def bring_booked(account: Account, key: TotalKey, booked: BookedUnused, running: RunningTotals, *, sign: int) -> list[Part]:
    """Add what was booked (1), or take it back (-1), where no events are: with events, they came to all of it."""
    if running.events_in(key):
        return []
    usage = unused_place(account, booked.charge, key)
    adjustments = [adjustment_place(account, one, its_key) for one, its_key in booked.adjustments]
    return running.bring(usage, adjustments, sign * booked.amount_micros)


def _numbered(key: TotalKey, parts: Sequence[Part]) -> list[UnusedPart]:
    return [UnusedPart(key, number, part) for number, part in enumerate(parts)]
