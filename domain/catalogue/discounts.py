"""Discounts that could take off more than there is: an adjustment on some of what an earlier one is on, and not on all.

Within a plan document they are refused when it is read. A contract comes on top of a plan, and the two are written apart: so
whatever brings them together, a contract, a change of plan or the end of a contract, is refused instead (docs/adr/0010).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from domain.catalogue.adjustments import Adjustment, AdjustmentKind
from domain.catalogue.effective_plan import EffectivePlan
from domain.catalogue.plan_spans import PlanSpan
from domain.catalogue.price_list import in_order

_ALL: Final = 10**24
"""All of the money of a charge: shares of shares of the greatest amount there is are exact to a micro."""
_PERCENT: Final = 100_000_000
"""In millionths of a percent."""


class Exceeding(NamedTuple):
    """An adjustment that could take off what an earlier one has taken off."""

    adjustment: Adjustment
    earlier: Adjustment
    charge: str


class Clash(NamedTuple):
    """Adjustments of two documents that could take off more than there is, and from when on both are in force."""

    found: Exceeding
    document: str
    """That of the adjustment, as people name it: "otp-india v1", "contract acme-2026"."""
    earlier_document: str
    since_micros: int

    def __str__(self) -> str:
        one, earlier, charge = self.found
        return (
            f"{one.code!r} of {self.document} could take off of {charge!r} once more what {earlier.code!r} of"
            f" {self.earlier_document} takes off, which is made before it and on more than it"
        )


Pair = tuple[int, int]
"""The charge ids of two adjustments: that of the later first."""


def exceeding(charges: Iterable[str], adjustments: Sequence[Adjustment]) -> Iterator[Exceeding]:
    """Each that could make one of the charges, named by their codes, cost less than nothing, by what each takes off at most.

    An adjustment knows what was left by those earlier ones that are on nothing else. A trial stands alone: what it is on is
    in no other.
    """
    ordered = [one for one in in_order(adjustments) if one.kind is not AdjustmentKind.TRIAL]
    knows = [[one.counts(earlier) for earlier in ordered[:place]] for place, one in enumerate(ordered)]
    for charge in charges:
        taken: dict[int, int] = {}
        for place, one in enumerate(ordered):
            if one.applies_to is not None and charge not in one.applies_to:
                continue
            unknown = [ordered[earlier] for earlier in taken if not knows[place][earlier]]
            left = _ALL - sum(share for earlier, share in taken.items() if knows[place][earlier])
            taken[place] = left * one.percent_millionths // _PERCENT
            # Two shares may be on whatever they like as long as both fit; an amount may be all there is.
            bounded = [earlier for earlier in unknown if not (_is_share(one) and _is_share(earlier))]
            if bounded or (unknown and sum(taken.values()) > _ALL):
                yield Exceeding(one, (bounded or unknown)[0], charge)


def clashes(spans: Iterable[PlanSpan]) -> dict[Pair, Clash]:
    """What contracts bring together, with a plan or with each other, in the order of time.

    What is of one document was looked at when that was published.
    """
    found: dict[Pair, Clash] = {}
    for span in spans:
        for one in exceeding(span.plan.charges, span.plan.adjustments) if span.plan.contracts else ():
            documents = _document(span.plan, one.adjustment), _document(span.plan, one.earlier)
            pair = (one.adjustment.charge_id, one.earlier.charge_id)
            if documents[0] != documents[1]:
                found.setdefault(pair, Clash(one, *documents, span.start_micros))
    return found


def _document(plan: EffectivePlan, adjustment: Adjustment) -> str:
    label = plan.label_of(adjustment.charge_id)
    return label if label == plan.label else f"contract {label}"


def _is_share(adjustment: Adjustment) -> bool:
    return adjustment.kind is AdjustmentKind.PERCENTAGE
