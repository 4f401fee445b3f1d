"""Change subscriptions: start, change, pause, resume, cancel, and move accounts to another version of their plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from domain import subscriptions as rules
from domain.errors import BillingError
from domain.subscriptions import PlanChoice, Segment, Subscriptions
from invoicing.administration_ports import Administration, AdministrationStore, Author


class PlanReference(NamedTuple):
    """A version of a plan by its code; the newest when no version is named."""

    code: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """What a change came to."""

    account: str
    action: str
    at: datetime
    before: Segment | None
    """In force at that instant until then."""
    after: Segment | None
    events_to_rerate: int = 0
    """Events that happened since and were charged by what was in force before: `billing rerate` charges them anew."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What moving accounts to a plan version came to, or would."""

    plan: PlanChoice
    at: datetime
    moved: Sequence[SubscriptionChange]
    refused: Mapping[str, str]
    """Accounts that stay where they are, each with the reason."""


def start(
    store: AdministrationStore,
    account: str,
    *,
    plan: PlanReference,
    at: datetime | None,
    why: str,
    author: Author,
) -> SubscriptionChange:
    """Subscribe an account to a plan, from an instant on, or now. Raises Invalid and NotFound."""

    def begin(transaction: Administration, present: Subscriptions, moment: datetime) -> Subscriptions:
        choice = transaction.subscriptions.plan(plan.code, version=plan.version)
        return rules.start(present, choice, at=moment, why=why)

    return _apply(store, account, begin, action="subscription.started", at=at, author=author)


def change(
    store: AdministrationStore,
    account: str,
    *,
    plan: PlanReference,
    at: datetime | None,
    why: str,
    author: Author,
) -> SubscriptionChange:
    """Put an account on another plan, from an instant on, or now. Raises Invalid, NotFound and IllegalTransition."""

    def follow(transaction: Administration, present: Subscriptions, moment: datetime) -> Subscriptions:
        choice = transaction.subscriptions.plan(plan.code, version=plan.version)
        return rules.change(present, choice, at=moment, why=why)

    return _apply(store, account, follow, action="subscription.changed", at=at, author=author)


def pause(store: AdministrationStore, account: str, *, at: datetime | None, why: str, author: Author) -> SubscriptionChange:
    """Let the fees of a subscription rest. Raises Invalid and IllegalTransition."""
    return _apply(
        store,
        account,
        lambda _, present, moment: rules.pause(present, at=moment, why=why),
        action="subscription.paused",
        at=at,
        author=author,
    )


def resume(store: AdministrationStore, account: str, *, at: datetime | None, why: str, author: Author) -> SubscriptionChange:
    """End a pause. Raises Invalid and IllegalTransition."""
    return _apply(
        store,
        account,
        lambda _, present, moment: rules.resume(present, at=moment, why=why),
        action="subscription.resumed",
        at=at,
        author=author,
    )


def cancel(store: AdministrationStore, account: str, *, at: datetime | None, author: Author) -> SubscriptionChange:
    """End a subscription. Raises Invalid and IllegalTransition."""
    return _apply(
        store,
        account,
        lambda _, present, moment: rules.cancel(present, at=moment),
        action="subscription.cancelled",
        at=at,
        author=author,
    )


def at_period_end(store: AdministrationStore, account: str, *, now: datetime) -> datetime:
    """The first instant of an account's next month."""
    with store.begin() as transaction:
        return rules.end_of_period(transaction.subscriptions.read(account), now=now)


def migrate(
    store: AdministrationStore,
    *,
    plan: PlanReference,
    accounts: Sequence[str] | None,
    period_end: bool,
    preview: bool,
    author: Author,
) -> Migration:
    """Move accounts on other versions of a plan to one of its versions, now or at the end of their month.

    Without `accounts` all of them. Accounts that cannot be moved stay where they are, with the reason. A preview changes
    nothing. Raises NotFound for an unknown plan.
    """
    moved: list[SubscriptionChange] = []
    refused: dict[str, str] = {}
    with store.begin() as transaction:
        transaction.hold_configuration()
        book = transaction.subscriptions
        choice = book.plan(plan.code, version=plan.version)
        for account in accounts if accounts is not None else book.accounts_on(plan.code, but=choice, at=author.at):
            try:
                present = book.read(account)
                at = rules.end_of_period(present, now=author.at) if period_end else author.at
                following = rules.change(present, choice, at=at, why=f"moved to {choice.label}")
            except BillingError as refusal:
                refused[account] = str(refusal)
                continue
            moved.append(_told(present, following, action="subscription.migrated", at=at))
            if not preview:
                book.write(present, following)
                _audit(transaction, present, following, action="subscription.migrated", author=author)
    return Migration(choice, author.at, moved, refused)


def _apply(
    store: AdministrationStore,
    account: str,
    rule: Callable[[Administration, Subscriptions, datetime], Subscriptions],
    *,
    action: str,
    at: datetime | None,
    author: Author,
) -> SubscriptionChange:
    moment = author.at if at is None else at
    with store.begin() as transaction:
        transaction.hold_configuration()
        transaction.require_open(account)
        book = transaction.subscriptions
        present = book.read(account)
        following = rule(transaction, present, moment)
        book.write(present, following)
        _audit(transaction, present, following, action=action, author=author)
        events = book.events_since(account, moment, author.at) if moment < author.at else 0
    return _told(present, following, action=action, at=moment, events=events)


def _told(before: Subscriptions, after: Subscriptions, *, action: str, at: datetime, events: int = 0) -> SubscriptionChange:
    return SubscriptionChange(before.account, action, at, before.at(at), after.at(at), events)


def _audit(transaction: Administration, before: Subscriptions, after: Subscriptions, *, action: str, author: Author) -> None:
    transaction.audit(
        action=action,
        subject=before.account,
        actor=author.name,
        before={"segments": [_facts(segment) for segment in before.segments]},
        after={"segments": [_facts(segment) for segment in after.segments]},
        at=author.at,
    )


def _facts(segment: Segment) -> dict[str, Any]:
    return {
        "plan": segment.plan.label,
        "from": None if segment.start is None else segment.start.isoformat(),
        "to": None if segment.end is None else segment.end.isoformat(),
        "paused": segment.paused,
        "why": segment.why,
    }
