"""Terms of fees: recurring charges, one-time charges, commitments and trials, and the spans of time they are in force in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from domain.billing_cycle import Anchor, Interval


class Billed(StrEnum):
    """When a recurring charge falls due."""

    IN_ADVANCE = "in_advance"
    IN_ARREARS = "in_arrears"


@dataclass(frozen=True, slots=True)
class RecurringFee:
    """An amount for every period."""

    charge_id: int
    code: str
    amount_micros: int
    every: Interval = Interval.MONTH
    billed: Billed = Billed.IN_ADVANCE
    anchor: Anchor = Anchor.CALENDAR
    prorate: bool = True
    """False: the whole amount once a period, by the terms in force when the first fee of its code is in it."""


@dataclass(frozen=True, slots=True)
class OneTimeFee:
    """An amount once in a subscription, however often its plan changes."""

    charge_id: int
    code: str
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Commitment:
    """A minimum for a calendar period: what usage lacks of it is due when the period has ended."""

    charge_id: int
    code: str
    minimum_micros: int
    every: Interval = Interval.MONTH
    prorate: bool = True
    counts: frozenset[str] | None = None
    """Codes of the usage charges and fees that count towards it; None: all usage, and all adjustments."""


Fee = RecurringFee | OneTimeFee | Commitment


@dataclass(frozen=True, slots=True)
class Trial:
    """The first days of a subscription, or of a contract that grants them: no fee falls due in them.

    Only a trial of all usage is one; one of some charges leaves fees alone.
    """

    code: str
    days: int
    since: datetime | None = None
    """None: from when the subscription began."""


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """What a plan version or a contract says about fees, by code."""

    fees: Mapping[str, Fee]
    trials: Mapping[str, Trial]


NO_TERMS: Final = FeeTerms({}, {})


class TermOfContract(NamedTuple):
    """A contract in force for an account, from `start` up to but not including `end`."""

    start: datetime
    end: datetime | None
    terms: FeeTerms


class FeeSegment(NamedTuple):
    """A segment of a subscription with what its plan version says about fees."""

    subscription_id: int
    began_at: datetime
    """Of the whole subscription."""
    start: datetime
    end: datetime | None
    paused: bool
    terms: FeeTerms


class FeeSpan(NamedTuple):
    """The fees in force for an account over one span of one subscription."""

    subscription_id: int
    began_at: datetime
    """Of the whole subscription."""
    start: datetime
    end: datetime | None
    paused: bool
    fees: Mapping[str, Fee]
    """By code."""


def fee_spans(
    segments: Sequence[FeeSegment], contracts: Sequence[TermOfContract] = (), *, time_zone: ZoneInfo
) -> list[FeeSpan]:
    """Segments of subscriptions, cut where contracts and trials begin and end; the fees of each part, none of trials.

    `contracts` are from the strongest to the weakest. A contract's fee, or trial, stands in place of one of the same code,
    or is added.
    """
    return [span for segment in segments for span in _of_segment(segment, contracts, time_zone)]


def on_other_terms(
    segments: Sequence[FeeSegment], *, subscription_id: int, at: datetime, terms: FeeTerms
) -> list[FeeSegment]:
    """Segments as they would be with other terms of one subscription from an instant on."""
    changed: list[FeeSegment] = []
    for segment in segments:
        if segment.subscription_id != subscription_id or (segment.end is not None and segment.end <= at):
            changed.append(segment)
            continue
        if segment.start < at:
            changed.append(segment._replace(end=at))
        changed.append(segment._replace(start=max(at, segment.start), terms=terms))
    return changed


def _of_segment(segment: FeeSegment, contracts: Sequence[TermOfContract], time_zone: ZoneInfo) -> Iterator[FeeSpan]:
    for start, end in _between(segment.start, segment.end, [cut for one in contracts for cut in (one.start, one.end)]):
        in_force = [one for one in reversed(contracts) if one.start <= start and (one.end is None or start < one.end)]
        fees, trials = dict(segment.terms.fees), dict(segment.terms.trials)
        for contract in in_force:
            fees |= contract.terms.fees
            trials |= {code: replace(one, since=contract.start) for code, one in contract.terms.trials.items()}
        free = [_window(one, segment.began_at, time_zone) for one in trials.values()]
        for begins, ends in _between(start, end, [cut for window in free for cut in window]):
            if not any(first <= begins < after for first, after in free):
                yield FeeSpan(segment.subscription_id, segment.began_at, begins, ends, segment.paused, fees)


def _between(
    start: datetime, end: datetime | None, cuts: Sequence[datetime | None]
) -> Iterator[tuple[datetime, datetime | None]]:
    """The parts of a span that cuts make of it."""
    edges = sorted({cut for cut in cuts if cut is not None and start < cut and (end is None or cut < end)})
    yield from zip([start, *edges], [*edges, end], strict=True)


def _window(trial: Trial, began_at: datetime, time_zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The clock on the wall of the account: a day there may have 23 or 25 hours."""
    since = trial.since or began_at
    return since, (since.astimezone(time_zone) + timedelta(days=trial.days)).astimezone(UTC)
