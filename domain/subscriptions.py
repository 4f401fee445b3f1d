"""Subscriptions: chains of segments, each a plan version over a span of time; what may be done to one, and what comes of it.

A segment says two things: the plan, and whether the subscription is paused. A change says one of them anew from an instant
on; the other stays what it is, and what is planned of it. What was planned of the same thing for later gives way. What has
begun already gives way only when that is asked for, because usage and fees were charged by it.

A change may lie in the past as long as no invoice was issued for that time; what was charged since is then re-rated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from domain.errors import FieldError, IllegalTransition, Invalid
from domain.money import Currency
from domain.period import BillingMonth

NEW: Final = 0


@dataclass(frozen=True, slots=True)
class PlanChoice:
    """A plan version somebody can be on."""

    plan_version_id: int
    label: str
    """As printed: "otp-india v1"."""
    currency: Currency
    starts_at: datetime | None = field(default=None, compare=False)
    """Nobody is on it before then; None: whenever."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A plan version from `start` up to but not including `end`; None: since ever, without end."""

    segment_id: int
    """0: not stored yet."""
    subscription_id: int
    """0: of a subscription that begins with it."""
    plan: PlanChoice
    start: datetime | None
    end: datetime | None
    began_at: datetime | None = None
    """Of the whole subscription."""
    paused: bool = False
    why: str | None = None

    def covers(self, moment: datetime) -> bool:
        """Whether it is in force at an instant."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Everything an account is or was subscribed to, in the order of time."""

    account: str
    currency: Currency
    time_zone: ZoneInfo
    open_from: datetime | None
    """The first instant no issued invoice is of; None: nothing was issued."""
    segments: tuple[Segment, ...]

    def at(self, moment: datetime) -> Segment | None:
        """The segment in force at an instant."""
        return next((segment for segment in self.segments if segment.covers(moment)), None)


@dataclass(frozen=True, slots=True)
class Change:
    """When a change takes effect, when it is made, and what for."""

    at: datetime
    now: datetime
    why: str = ""
    replacing: bool = False
    """Whether segments that have begun between the two give way."""


def start(subscriptions: Subscriptions, plan: PlanChoice, when: Change) -> Subscriptions:
    """Begin a subscription. Raises Invalid while another is in force from then on, and for an invoiced time."""
    faults = _faults_of(subscriptions, plan, at=when.at)
    for segment in subscriptions.segments:
        if when.at.utcoffset() is not None and (segment.end is None or segment.end > when.at):
            begins = "since ever" if segment.start is None else f"from {_shown(segment.start)}"
            reason = f"account {subscriptions.account} is on {segment.plan.label} {begins}: change that, or cancel it first"
            faults.append(FieldError("at", reason))
            break
    _refuse(faults)
    return _with(subscriptions, [Segment(NEW, NEW, plan, when.at, None, when.at, why=when.why)])


def change(subscriptions: Subscriptions, plan: PlanChoice, when: Change) -> Subscriptions:
    """Put the account on another plan version from an instant on; a pause stays one."""
    _refuse(_faults_of(subscriptions, plan, at=when.at))
    present = _running(subscriptions, when.at)
    if present.plan == plan and not _later(subscriptions, present, lambda one, two: one.plan != two.plan):
        raise IllegalTransition(f"account {subscriptions.account} is on {plan.label} already")
    _refuse_begun(subscriptions, present, when, differ=lambda one, two: one.plan != two.plan and two.plan != plan)
    return _from_then_on(subscriptions, present, when, lambda segment: replace(segment, plan=plan))


def pause(subscriptions: Subscriptions, when: Change) -> Subscriptions:
    """Let fees rest until it is resumed. What is used all the same is charged as before."""
    return _pause(subscriptions, when, paused=True)


def resume(subscriptions: Subscriptions, when: Change) -> Subscriptions:
    """End a pause."""
    return _pause(subscriptions, when, paused=False)


def cancel(subscriptions: Subscriptions, when: Change) -> Subscriptions:
    """End it. Usage after that waits in quarantine until the account is subscribed to something again."""
    _refuse(_time_faults(subscriptions, when.at))
    present = _running(subscriptions, when.at)
    _refuse_begun(subscriptions, present, when, differ=lambda one, two: True)
    return _from_then_on(subscriptions, present, when, lambda _: None)


def reactivate(subscriptions: Subscriptions, *, now: datetime) -> Subscriptions:
    """Take back the last cancellation, as if it had never been. Raises IllegalTransition, and Invalid for an invoiced time.

    Whatever began since the end of the subscription stands in its way.
    """
    last = subscriptions.segments[-1] if subscriptions.segments else None
    if last is None or last.end is None:
        reason = "was never on a plan" if last is None else f"is on {last.plan.label} without end"
        raise IllegalTransition(f"account {subscriptions.account} {reason}: there is no cancellation to take back")
    if last.end <= now:
        _refuse(_time_faults(subscriptions, last.end))
    return replace(subscriptions, segments=(*subscriptions.segments[:-1], replace(last, end=None)))


def end_of_period(subscriptions: Subscriptions, *, now: datetime) -> datetime:
    """The first instant of the next calendar month of the account: where a change "at period end" takes effect."""
    return BillingMonth.of(now, subscriptions.time_zone).span(subscriptions.time_zone).end


def gave_way(before: Subscriptions, after: Subscriptions, *, at: datetime) -> tuple[Segment, ...]:
    """Segments after an instant whose beginning another plan, or a pause or its end, does not come any more."""
    kept = {turn for _, turns in _turns(after) for turn in turns}
    return tuple(
        segment for segment, turns in _turns(before) if segment.start is not None and segment.start > at and turns - kept
    )


def _turns(subscriptions: Subscriptions) -> list[tuple[Segment, set[tuple[datetime | None, object]]]]:
    """Each segment with what it begins: a plan, a pause, or the end of one."""
    pairs = pairwise(subscriptions.segments)
    return [
        (
            two,
            {(two.start, said) for said, was in ((two.plan, one.plan), (two.paused, one.paused)) if said != was},
        )
        for one, two in pairs
        if one.end == two.start
    ]


def _pause(subscriptions: Subscriptions, when: Change, *, paused: bool) -> Subscriptions:
    _refuse(_time_faults(subscriptions, when.at))
    present = _running(subscriptions, when.at)
    if present.paused is paused:
        state = "paused already" if paused else "not paused"
        raise IllegalTransition(f"the subscription of account {subscriptions.account} is {state}")
    _refuse_begun(subscriptions, present, when, differ=lambda one, two: one.paused != two.paused and two.paused != paused)
    return _from_then_on(subscriptions, present, when, lambda segment: replace(segment, paused=paused))


def _running(subscriptions: Subscriptions, at: datetime) -> Segment:
    present = subscriptions.at(at)
    if present is None:
        raise IllegalTransition(f"account {subscriptions.account} has no subscription at {_shown(at)}: start one")
    return present


def _later(subscriptions: Subscriptions, present: Segment, differ: Callable[[Segment, Segment], bool]) -> list[Segment]:
    """The segments after one of the same subscription that begin something else."""
    chain = [
        one
        for one in subscriptions.segments
        if one is present
        or (one.subscription_id == present.subscription_id and one.start is not None and _is_after(one, present))
    ]
    return [two for one, two in pairwise(chain) if differ(one, two)]


def _is_after(one: Segment, present: Segment) -> bool:
    return one.start is not None and (present.start is None or one.start > present.start)


def _refuse_begun(
    subscriptions: Subscriptions, present: Segment, when: Change, *, differ: Callable[[Segment, Segment], bool]
) -> None:
    begun = [
        one
        for one in _later(subscriptions, present, differ)
        if one.start is not None and when.at < one.start <= when.now and not when.replacing
    ]
    if begun:
        last = begun[-1]
        state = f"{last.plan.label}, paused" if last.paused else last.plan.label
        reason = (
            f"account {subscriptions.account} is on {state} since {_shown(last.start)}, which this would replace: choose"
            " that time or a later one, or say that what began since then is to give way"
        )
        raise Invalid([FieldError("at", reason)])


def _from_then_on(
    subscriptions: Subscriptions, present: Segment, when: Change, follow: Callable[[Segment], Segment | None]
) -> Subscriptions:
    """Keep what was before an instant, and put what `follow` makes of the rest of the subscription in its place."""
    kept: list[Segment] = []
    following: list[Segment] = []
    for segment in subscriptions.segments:
        if segment.subscription_id != present.subscription_id or (segment.end is not None and segment.end <= when.at):
            kept.append(segment)
            continue
        begins = when.at if segment is present else segment.start
        if segment is present and segment.start != when.at:
            kept.append(replace(segment, end=when.at))
        made = follow(replace(segment, segment_id=NEW, start=begins, why=when.why if segment is present else segment.why))
        if made is None:
            continue
        last = following[-1] if following else None
        if last is not None and (last.plan, last.paused, last.end) == (made.plan, made.paused, made.start):
            following[-1] = replace(last, end=made.end)
        else:
            following.append(segment if _same(segment, made) else made)
    return _with(replace(subscriptions, segments=tuple(kept)), following)


def _same(one: Segment, two: Segment) -> bool:
    return (one.plan, one.paused, one.start, one.end) == (two.plan, two.paused, two.start, two.end)


def _with(subscriptions: Subscriptions, added: Sequence[Segment]) -> Subscriptions:
    earliest = datetime.min.replace(tzinfo=UTC)
    segments = sorted((*subscriptions.segments, *added), key=lambda segment: segment.start or earliest)
    return replace(subscriptions, segments=tuple(segments))


def _faults_of(subscriptions: Subscriptions, plan: PlanChoice, *, at: datetime) -> list[FieldError]:
    faults = _time_faults(subscriptions, at)
    if plan.currency is not subscriptions.currency:
        reason = f"{plan.label} is in {plan.currency} and account {subscriptions.account} in {subscriptions.currency}"
        faults.append(FieldError("plan", f"{reason}: choose a plan in {subscriptions.currency}"))
    if plan.starts_at is not None and at.utcoffset() is not None and at < plan.starts_at:
        reason = f"{plan.label} holds from {_shown(plan.starts_at)}, and {_shown(at)} is before"
        faults.append(FieldError("plan", f"{reason}: choose that instant or a later one, or another version"))
    return faults


def _time_faults(subscriptions: Subscriptions, at: datetime) -> list[FieldError]:
    if at.utcoffset() is None:
        return [FieldError("at", "needs a time zone, e.g. 2026-11-01T00:00:00+05:30")]
    if subscriptions.open_from is not None and at < subscriptions.open_from:
        first = subscriptions.open_from.astimezone(subscriptions.time_zone)
        reason = f"usage before {first:%Y-%m-%d} is invoiced: choose that day or a later one, and correct the rest by a note"
        return [FieldError("at", reason)]
    return []


def _shown(moment: datetime | None) -> str:
    return "ever" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _refuse(faults: Sequence[FieldError]) -> None:
    if faults:
        raise Invalid(faults)
