"""How much a message can cost at most, by the account's own price: what a hold reserves.

A price is a function of a running total, which other messages move before this one is booked. So the bound is the dearest
step of that many units anywhere from the total known to some way beyond it; prices change their slope and jump at the ends
of tiers and packages only, so it is found beside those.
"""

from collections.abc import Iterable
from typing import Final

from domain.pricing import PriceModel
from domain.usage import QUANTITY_SCALE

HORIZON_UNITS: Final = 10_000
"""Units by which the running total may move between the answer and the event's booking."""


def dearest_micros(price: PriceModel, quantity_millionths: int, *, used_millionths: int) -> int:
    """The most that so many units cost when they come after `used_millionths` or up to the horizon later; never below 0.

    `price` is any price model of domain/pricing; of one that prices each event by itself, the price of the event.
    """
    if price.per_event:
        return max(price.amount_micros(quantity_millionths), 0)
    used = max(used_millionths, 0)
    latest = used + HORIZON_UNITS * QUANTITY_SCALE
    dearest = 0
    for start in _starts(price, quantity_millionths, used, latest):
        step = price.amount_micros(start + quantity_millionths) - price.amount_micros(start)
        dearest = max(dearest, step)
    # Rounding on the running total moves a step by up to a micro, the one found here and the one to come.
    return dearest + 2 if dearest else 0


def depends_on_total(price: PriceModel) -> bool:
    """Whether the bound is another at another running total; where not, nobody needs to look it up."""
    return not price.per_event and (hasattr(price, "tiers") or hasattr(price, "package_size_millionths"))


def _starts(price: PriceModel, quantity: int, used: int, latest: int) -> Iterable[int]:
    """Where the dearest step may begin: at the ends of the span, and so that it begins or ends beside a break."""
    starts = {used, latest}
    for edge in _breaks(price, used, latest + quantity):
        for beside in (edge - 1, edge, edge + 1):
            starts |= {beside, beside - quantity}
    return [start for start in starts if used <= start <= latest]


def _breaks(price: PriceModel, first: int, last: int) -> list[int]:
    free = getattr(price, "free_units_millionths", 0)
    breaks = [free]
    breaks += [free + tier.up_to_millionths for tier in getattr(price, "tiers", ()) if tier.up_to_millionths is not None]
    size = getattr(price, "package_size_millionths", None)
    if size is not None:
        # Packages repeat: the first few say all there is to say of the others.
        began = free + max(first - free, 0) // size * size
        breaks += [began + number * size for number in range(4)]
    return [edge for edge in breaks if first <= edge <= last]
