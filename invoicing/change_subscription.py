"""Change subscriptions: start, change, pause, resume, cancel, and take a cancellation back; each audited with both sides.

Workers use a change with their next batch. Fees follow with the next accrual. Usage that was charged since a back-dated
change is not charged anew by itself: each change says how many events that is, and re-rating is asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from domain import subscriptions as rules
from domain.errors import FieldError, Invalid
from domain.subscriptions import Change, PlanChoice, Segment, Subscriptions
from invoicing.administration_ports import Administration, AdministrationStore, Author
from invoicing.agree_discounts import clashes_of_changes


class PlanReference(NamedTuple):
    """A version of a plan by its code; the newest when no version is named."""

    code: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """When a change takes effect, and what for. Neither an instant nor the end of a period: now."""

    at: datetime | None = None
    at_period_end: bool = False
    """At the end of the account's calendar month."""
    why: str = ""
    replacing: bool = False
    """Whether what has begun since `at` gives way."""

    def __post_init__(self) -> None:
        if self.at is not None and self.at_period_end:
            raise Invalid([FieldError("at", "say an instant or the end of the period, not both")])

    def chosen_at(self, *, now: datetime) -> datetime | None:
        """When a version that is not named has to hold; None at the end of a period, which each account has of its own."""
        return None if self.at_period_end else self.at or now

    def of(self, present: Subscriptions, *, now: datetime) -> Change:
        """For one account."""
        at = rules.end_of_period(present, now=now) if self.at_period_end else self.at
        return Change(now if at is None else at, now, self.why, replacing=self.replacing)


NOW: Final = Timing()


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """What a change came to."""

    account: str
    action: str
    at: datetime
    before: Segment | None
    """In force at that instant until then."""
    after: Segment | None
    gave_way: Sequence[Segment] = ()
    """What had begun, or was to begin, after that instant and does not come any more."""
    events_to_rerate: int = 0
    """Events that happened since and were charged by what was in force before: re-rating charges them anew."""


_Rule = Callable[[Subscriptions, Change], Subscriptions]


def start(
    store: AdministrationStore, account: str, *, plan: PlanReference, timing: Timing = NOW, author: Author
) -> SubscriptionChange:
    """Subscribe an account to a plan. Raises Invalid and NotFound."""
    choice = _choice(store, plan, timing, now=author.at)

    def rule(present: Subscriptions, when: Change) -> Subscriptions:
        return rules.start(present, choice, when)

    return _apply(store, account, rule, action="subscription.started", timing=timing, author=author)


def change(
    store: AdministrationStore, account: str, *, plan: PlanReference, timing: Timing = NOW, author: Author
) -> SubscriptionChange:
    """Put an account on another plan, or another version. Raises Invalid, NotFound and IllegalTransition."""
    choice = _choice(store, plan, timing, now=author.at)

    def rule(present: Subscriptions, when: Change) -> Subscriptions:
        return rules.change(present, choice, when)

    return _apply(store, account, rule, action="subscription.changed", timing=timing, author=author)


def cancel(store: AdministrationStore, account: str, *, timing: Timing = NOW, author: Author) -> SubscriptionChange:
    """End a subscription. Raises Invalid, NotFound and IllegalTransition."""
    return _apply(store, account, rules.cancel, action="subscription.cancelled", timing=timing, author=author)


def reactivate(store: AdministrationStore, account: str, *, why: str = "", author: Author) -> SubscriptionChange:
    """Take the last cancellation back. Raises Invalid, NotFound and IllegalTransition."""

    def rule(present: Subscriptions, when: Change) -> Subscriptions:
        return rules.reactivate(present, now=when.now)

    timing = Timing(why=why)
    return _apply(store, account, rule, action="subscription.reactivated", timing=timing, author=author)


def pause(store: AdministrationStore, account: str, *, timing: Timing = NOW, author: Author) -> SubscriptionChange:
    """Let the fees of a subscription rest. Raises Invalid, NotFound and IllegalTransition."""
    return _apply(store, account, rules.pause, action="subscription.paused", timing=timing, author=author)


def resume(store: AdministrationStore, account: str, *, timing: Timing = NOW, author: Author) -> SubscriptionChange:
    """End a pause. Raises Invalid, NotFound and IllegalTransition."""
    return _apply(store, account, rules.resume, action="subscription.resumed", timing=timing, author=author)


def write_change(
    transaction: Administration, before: Subscriptions, after: Subscriptions, *, action: str, why: str, author: Author
) -> None:
    """Save what became of an account's segments, with its audit record."""
    transaction.subscriptions.write(before, after)
    transaction.audit(
        action=action,
        subject=before.account,
        actor=author.name,
        before={"segments": [segment_facts(segment) for segment in before.segments]},
        after={"segments": [segment_facts(segment) for segment in after.segments], "why": why},
        at=author.at,
    )


def segment_facts(segment: Segment) -> dict[str, Any]:
    """A segment as audit records have it."""
    return {
        "plan": segment.plan.label,
        "from": None if segment.start is None else segment.start.isoformat(),
        "to": None if segment.end is None else segment.end.isoformat(),
        "paused": segment.paused,
        "why": segment.why,
    }


def _choice(store: AdministrationStore, plan: PlanReference, timing: Timing, *, now: datetime) -> PlanChoice:
    with store.begin() as transaction:
        return transaction.subscriptions.plan(plan.code, version=plan.version, at=timing.chosen_at(now=now))


def _apply(
    store: AdministrationStore, account: str, rule: _Rule, *, action: str, timing: Timing, author: Author
) -> SubscriptionChange:
    with store.begin() as transaction:
        transaction.hold_configuration()
        transaction.require_open(account)
        before = transaction.subscriptions.read(account)
        when = timing.of(before, now=author.at)
        after = rule(before, when)
        clashing = clashes_of_changes(transaction, [(before, after)])
        if clashing:
            raise Invalid([FieldError("plan", clashing[account])])
        write_change(transaction, before, after, action=action, why=timing.why, author=author)
    since = _first_difference(before, after)
    events = 0
    if since is not None and since < author.at:
        with store.begin() as transaction:  # counting may take a while, and nobody needs to wait for it
            events = transaction.subscriptions.events_since(account, since, author.at)
    at = when.at if since is None else since
    changed = SubscriptionChange(account, action, at, before.at(at), after.at(at))
    return replace(changed, gave_way=rules.gave_way(before, after, at=at), events_to_rerate=events)


def _first_difference(before: Subscriptions, after: Subscriptions) -> datetime | None:
    """The first instant from which usage is charged by something else; None when only fees are."""
    edges = {edge for one in (*before.segments, *after.segments) for edge in (one.start, one.end) if edge is not None}
    for edge in sorted(edges):
        was, is_ = before.at(edge), after.at(edge)
        if (was and was.plan) != (is_ and is_.plan):
            return edge
    return None
