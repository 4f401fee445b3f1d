"""Which row of a price an event falls under: the most specific one that fits, read from the price document."""

from collections.abc import Mapping
from typing import Any, Final

from invoicing.recompute.prices import Price

ANY: Final = "*"
"""What a cell's name has in place of a value it does not ask for."""


def choose(price: Price, facts: Mapping[str, Any]) -> tuple[str, Price] | None:
    """The cell's name ("sms/IN") and its price, or None when no row fits.

    A row fits when each value it names is the event's, as a text. Of those that fit, the one that names most values wins;
    between equals the one that names the earlier dimension.
    """
    if price["model"] != "matrix":
        return ANY, price
    names = price["dimensions"]
    best: tuple[int, int, Price] | None = None
    for row in price["rows"]:
        when = row.get("when", {})
        if any(facts.get(name) != value for name, value in when.items()):
            continue
        # The earlier dimension weighs more than all behind it.
        weight = sum(2 ** (len(names) - place) for place, name in enumerate(names) if name in when)
        if best is None or (len(when), weight) > best[:2]:
            best = len(when), weight, row
    if best is None:
        return None
    return "/".join(best[2].get("when", {}).get(name, ANY) for name in names), best[2]
