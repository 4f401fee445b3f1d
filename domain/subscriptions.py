"""Subscriptions: chains of segments, each a plan version over a span of time; what may be done to one, and what comes of it.

Every change ends a segment and begins another, so the past stays what it was. A change may lie in the past as long as no
invoice was issued for that time; what was charged since is then re-rated. Segments that have not begun yet give way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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


def start(subscriptions: Subscriptions, plan: PlanChoice, *, at: datetime, why: str) -> Subscriptions:
    """Begin a subscription. Raises Invalid while another is in force from then on, and for an invoiced time."""
    faults = _faults_of(subscriptions, plan, at=at)
    for segment in subscriptions.segments:
        if segment.end is None or segment.end > at:
            begins = "since ever" if segment.start is None else f"from {segment.start:%Y-%m-%d %H:%M} UTC"
            reason = f"account {subscriptions.account} is on {segment.plan.label} {begins}: change that, or cancel it first"
            faults.append(FieldError("at", reason))
            break
    _refuse(faults)
    return _with(subscriptions, [Segment(NEW, NEW, plan, at, None, at, why=why)])


def change(subscriptions: Subscriptions, plan: PlanChoice, *, at: datetime, why: str) -> Subscriptions:
    """Put the account on another plan version from an instant on."""
    _refuse(_faults_of(subscriptions, plan, at=at))
    present = _running(subscriptions, at)
    if present.plan == plan and not present.paused:
        raise IllegalTransition(f"account {subscriptions.account} is on {plan.label} already")
    return _cut(subscriptions, present, at, lambda segment: replace(segment, plan=plan, why=why))


def pause(subscriptions: Subscriptions, *, at: datetime, why: str) -> Subscriptions:
    """Let fees rest. What is used all the same is charged as before."""
    _refuse(_time_faults(subscriptions, at))
    present = _running(subscriptions, at)
    if present.paused:
        raise IllegalTransition(f"the subscription of account {subscriptions.account} is paused already")
    return _cut(subscriptions, present, at, lambda segment: replace(segment, paused=True, why=why))


def resume(subscriptions: Subscriptions, *, at: datetime, why: str) -> Subscriptions:
    """End a pause."""
    _refuse(_time_faults(subscriptions, at))
    present = _running(subscriptions, at)
    if not present.paused:
        raise IllegalTransition(f"the subscription of account {subscriptions.account} is not paused")
    return _cut(subscriptions, present, at, lambda segment: replace(segment, paused=False, why=why))


def cancel(subscriptions: Subscriptions, *, at: datetime) -> Subscriptions:
    """End it. Usage after that waits in quarantine until the account is subscribed to something again."""
    _refuse(_time_faults(subscriptions, at))
    return _cut(subscriptions, _running(subscriptions, at), at, lambda _: None)


def end_of_period(subscriptions: Subscriptions, *, now: datetime) -> datetime:
    """The first instant of the next calendar month of the account: where a change "at period end" takes effect."""
    return BillingMonth.of(now, subscriptions.time_zone).span(subscriptions.time_zone).end


def _running(subscriptions: Subscriptions, at: datetime) -> Segment:
    present = subscriptions.at(at)
    if present is None:
        raise IllegalTransition(f"account {subscriptions.account} has no subscription at {at:%Y-%m-%d %H:%M} UTC: start one")
    return present


def _cut(
    subscriptions: Subscriptions, present: Segment, at: datetime, follow: Callable[[Segment], Segment | None]
) -> Subscriptions:
    """Keep what was before an instant, and put something in the place of what its subscription was to be from then on."""
    following = follow(replace(present, segment_id=NEW, start=at, end=None))
    kept: list[Segment] = []
    for segment in subscriptions.segments:
        if segment.subscription_id != present.subscription_id or (segment.end is not None and segment.end <= at):
            kept.append(segment)
        elif segment.start is None or segment.start < at:
            kept.append(replace(segment, end=at))
    later = [segment.start for segment in kept if segment.start is not None and segment.start >= at]
    if following is not None and later:
        following = replace(following, end=min(later))
    return _with(replace(subscriptions, segments=tuple(kept)), [following] if following is not None else [])


def _with(subscriptions: Subscriptions, added: Sequence[Segment]) -> Subscriptions:
    earliest = datetime.min.replace(tzinfo=subscriptions.time_zone)
    segments = sorted((*subscriptions.segments, *added), key=lambda segment: segment.start or earliest)
    return replace(subscriptions, segments=tuple(segments))


def _faults_of(subscriptions: Subscriptions, plan: PlanChoice, *, at: datetime) -> list[FieldError]:
    faults = _time_faults(subscriptions, at)
    if plan.currency is not subscriptions.currency:
        reason = f"{plan.label} is in {plan.currency} and account {subscriptions.account} in {subscriptions.currency}"
        faults.append(FieldError("plan", f"{reason}: choose a plan in {subscriptions.currency}"))
    return faults


def _time_faults(subscriptions: Subscriptions, at: datetime) -> list[FieldError]:
    if at.utcoffset() is None:
        return [FieldError("at", "needs a time zone, e.g. 2026-11-01T00:00:00+05:30")]
    if subscriptions.open_from is not None and at < subscriptions.open_from:
        first = subscriptions.open_from.astimezone(subscriptions.time_zone)
        reason = f"usage before {first:%Y-%m-%d} is invoiced: choose that day or a later one, and correct the rest by a note"
        return [FieldError("at", reason)]
    return []


def _refuse(faults: Sequence[FieldError]) -> None:
    if faults:
        raise Invalid(faults)
