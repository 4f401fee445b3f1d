"""Spans of the plan in effect: subscriptions, contracts and the limits of adjustments, laid over each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from domain.catalogue.adjustments import Adjustment
from domain.catalogue.effective_plan import EffectivePlan, all_adjustments
from domain.catalogue.price_list import Contract, PlanVersion
from domain.period import BillingMonth

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DISTANT_PAST: Final = -(2**62)
DISTANT_FUTURE: Final = 2**62
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A plan version an account was on, from `start_micros` up to but not including `end_micros`."""

    plan: PlanVersion
    start_micros: int
    end_micros: int
    since_micros: int | None = None
    """When the subscription this is a segment of began, from which trials and first periods count; None: with it."""


@dataclass(frozen=True, slots=True)
class ContractTerm:
    """A contract in force for an account, from `start_micros` up to but not including `end_micros`."""

    contract: Contract
    start_micros: int
    end_micros: int
    priority: int = 0
    """The higher is the stronger."""


class PlanSpan(NamedTuple):
    """The same plan in effect from `start_micros` up to but not including `end_micros`."""

    start_micros: int
    end_micros: int
    plan: EffectivePlan


def plan_spans(
    subscriptions: Sequence[Subscription], contracts: Sequence[ContractTerm] = (), *, time_zone: ZoneInfo
) -> tuple[PlanSpan, ...]:
    """The plans in effect of an account, in the order of time; between them no subscription is."""
    spans = (
        span
        for subscription in sorted(subscriptions, key=lambda segment: segment.start_micros)
        for span in _of_segment(subscription, contracts, time_zone)
    )
    return tuple(spans)


def _of_segment(segment: Subscription, contracts: Sequence[ContractTerm], time_zone: ZoneInfo) -> Iterator[PlanSpan]:
    # Of equally strong contracts that overlap, which are refused when they are written, the older one stands.
    terms = sorted(
        (term for term in contracts if term.start_micros < segment.end_micros and segment.start_micros < term.end_micros),
        key=lambda term: (-term.priority, term.contract.contract_id),
    )
    limits = _limits(segment, terms, time_zone)
    cuts = {segment.start_micros, segment.end_micros}
    for start, end in (*((term.start_micros, term.end_micros) for term in terms), *limits.values()):
        cuts |= {cut for cut in (start, end) if segment.start_micros < cut < segment.end_micros}
    edges = sorted(cuts)
    for start, end in pairwise(edges):
        in_force = [term.contract for term in terms if term.start_micros <= start < term.end_micros]
        adjustments = [
            one
            for one in all_adjustments(segment.plan, in_force)
            if one.charge_id not in limits or limits[one.charge_id][0] <= start < limits[one.charge_id][1]
        ]
        yield PlanSpan(start, end, _effective(segment.plan, in_force, adjustments))


def _effective(version: PlanVersion, contracts: Sequence[Contract], adjustments: Sequence[Adjustment]) -> EffectivePlan:
    name = (tuple(contracts), tuple(one.charge_id for one in adjustments))
    plan: EffectivePlan | None = version.effective.get(name)
    if plan is None:
        plan = version.effective[name] = EffectivePlan(version, contracts, adjustments=adjustments)
    return plan


def _limits(segment: Subscription, terms: Sequence[ContractTerm], time_zone: ZoneInfo) -> dict[int, tuple[int, int]]:
    """From when to when each limited adjustment is in force, by charge id. One without a beginning has long ended."""
    since = segment.start_micros if segment.since_micros is None else segment.since_micros
    limits = {one.charge_id: _limit(one, since, time_zone) for one in segment.plan.adjustments if one.is_limited}
    for term in terms:
        limited = [one for one in term.contract.adjustments if one.is_limited]
        limits |= {one.charge_id: _limit(one, term.start_micros, time_zone) for one in limited}
    return limits


def _limit(adjustment: Adjustment, since_micros: int, time_zone: ZoneInfo) -> tuple[int, int]:
    if since_micros <= _FIRST_MICROS:
        return (since_micros, since_micros)
    began = (EPOCH + timedelta(microseconds=since_micros)).astimezone(time_zone)
    ends = []
    if adjustment.periods is not None:
        month = BillingMonth(began.year, began.month)
        for _ in range(adjustment.periods):
            month = month.next()
        ends.append(datetime(month.year, month.month, 1, tzinfo=time_zone))
    if adjustment.days is not None:
        ends.append(began + timedelta(days=adjustment.days))
    # The clock on the wall of the account: a day there may have 23 or 25 hours.
    return (since_micros, min((end.astimezone(UTC) - EPOCH) // _MICROSECOND for end in ends))


_FIRST_MICROS: Final = -62_000_000_000_000_000
"""About the year 5: nothing before it is meant as a beginning."""
