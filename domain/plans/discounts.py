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
            left = _ALL - sum(share for earlier, share in taken if one.counts(earlier))
            taken.append((one, _most(one) * max(left, Fraction(0))))
            if sum(share for _, share in taken) > _ALL:
                unknown = next(earlier for earlier, _ in taken if not one.counts(earlier))
                return Exceeding(one, unknown, charge.code)
    return None


def _most(adjustment: Adjustment) -> Fraction:
    """The greatest share of its money that it may take off."""
    is_share = adjustment.kind is AdjustmentKind.PERCENTAGE
    return Fraction(adjustment.percent_millionths, _PERCENT) if is_share else _ALL
