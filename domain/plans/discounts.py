"""Discounts that could take off more than there is: an adjustment on some of what an earlier one is on, and not on all."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from domain.catalogue.adjustments import Adjustment, AdjustmentKind
from domain.catalogue.charges import Charge
from domain.catalogue.price_list import in_order

_ALL: Final = Fraction(1)
_PERCENT: Final = 100_000_000


class Exceeding(NamedTuple):
    """An adjustment that could take off what an earlier one has taken off."""

    adjustment: Adjustment
    earlier: Adjustment
    charge: str


def exceeding(charges: Iterable[Charge], adjustments: Sequence[Adjustment]) -> Exceeding | None:
    """The first that could make a charge cost less than nothing, by what each takes off at most; None when none could.

    An adjustment knows what was left by those earlier ones that are on nothing else. A trial stands alone: what it is on is
    in no other.
    """
    ordered = [one for one in in_order(adjustments) if one.kind is not AdjustmentKind.TRIAL]
    for charge in charges:
        taken: list[tuple[Adjustment, Fraction]] = []
        for one in ordered:
            if one.applies_to is not None and charge.code not in one.applies_to:
                continue
            unknown = [earlier for earlier, _ in taken if not one.counts(earlier)]
            left = _ALL - sum(share for earlier, share in taken if one.counts(earlier))
            taken.append((one, left * _share(one)))
            # Two shares may be on whatever they like as long as both fit; an amount may be all there is.
            bounded = [earlier for earlier in unknown if not (_is_share(one) and _is_share(earlier))]
            if bounded or (unknown and sum(share for _, share in taken) > _ALL):
                return Exceeding(one, (bounded or unknown)[0], charge.code)
    return None


def _is_share(adjustment: Adjustment) -> bool:
    return adjustment.kind is AdjustmentKind.PERCENTAGE


def _share(adjustment: Adjustment) -> Fraction:
    """What it takes off of its money for certain; of a free amount or a cap, that may be nothing."""
    return Fraction(adjustment.percent_millionths, _PERCENT) if _is_share(adjustment) else Fraction(0)
