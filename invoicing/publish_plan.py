"""Publish a plan: checked as a whole, stored as a new version when it means something new, and audited."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.catalogue import Meter
from domain.errors import FieldError, Invalid, InvalidInput
from domain.plans import PlanDocument, read_plan
from domain.plans.diff import Change, plan_changes
from domain.plans.digest import plan_digest
from domain.plans.meters import meter_document
from invoicing.administration_ports import AdministrationStore, Author, StoredPlan


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing came to."""

    code: str
    version: int
    """The version that holds from now on for new subscriptions."""
    is_new: bool
    """False when the last version means the same."""
    digest: str
    """The same for documents that mean the same (domain/plans/digest.py)."""
    new_meters: tuple[str, ...]
    changes: tuple[Change, ...]
    """From the version before; none when that was published under older rules and cannot be compared."""


def publish_plan(
    store: AdministrationStore, document: Mapping[str, Any], *, author: Author, starts_at: datetime | None = None
) -> Publication:
    """Store a plan document as the next version, with the meters it brings. Raises Invalid with every fault.

    Subscriptions to it begin at `starts_at` or later, or whenever. Publications wait for each other. One whose meaning
    and start are those of the last version changes nothing.
    """
    with store.begin() as transaction:
        plans = transaction.plans
        plans.hold()
        published = plans.meters()
        plan = read_plan(document, published=published)
        digest = plan_digest(plan)
        last = plans.last(plan.code)
        before = comparable(last, published=published)
        _refuse_other_currency(last, plan)
        same = last is not None and (dict(last.document) == document or _means_the_same(before, plan))
        if last is not None and same and starts_at in (None, last.starts_at):
            return Publication(plan.code, last.version, is_new=False, digest=digest, new_meters=(), changes=())
        _refuse_earlier_start(last, starts_at, now=author.at)
        new_meters = [meter for meter in (*plan.meters, *plan.implied) if meter.code not in published]
        plans.add_meters(new_meters)
        version = 1 if last is None else last.version + 1
        plans.add_version(plan, StoredPlan(plan.code, version, author.at, document, starts_at))
        for meter in new_meters:
            transaction.audit(
                action="meter.published",
                subject=meter.code,
                actor=author.name,
                after=meter_document(meter),
                at=author.at,
            )
        transaction.audit(
            action="plan.published",
            subject=plan.code,
            actor=author.name,
            before=None if last is None else last.document,
            after={**document, **({} if starts_at is None else {"from": starts_at.isoformat()})},
            at=author.at,
        )
    changes = plan_changes(before, plan) if last is None or before is not None else ()
    names = tuple(meter.code for meter in new_meters)
    return Publication(plan.code, version, is_new=True, digest=digest, new_meters=names, changes=changes)


def comparable(last: StoredPlan | None, *, published: Mapping[str, Meter]) -> PlanDocument | None:
    """A stored version to compare with; None when there is none, or when it was published under older rules."""
    if last is None:
        return None
    try:
        return read_plan(last.document, published=published)
    except InvalidInput:
        return None


def _means_the_same(before: PlanDocument | None, plan: PlanDocument) -> bool:
    return before is not None and not plan_changes(before, plan)


def _refuse_other_currency(last: StoredPlan | None, plan: PlanDocument) -> None:
    if last is not None and last.document["currency"] != plan.currency:
        reason = f"plan {plan.code} is in {last.document['currency']}, and its accounts are: give this one another code"
        raise Invalid([FieldError("currency", reason)])


def _refuse_earlier_start(last: StoredPlan | None, starts_at: datetime | None, *, now: datetime) -> None:
    """The newest version that has started is the one that holds: one may not stand in the way of one announced before."""
    if starts_at is not None and starts_at.utcoffset() is None:
        raise Invalid([FieldError("from", "needs a time zone, e.g. 2027-01-01T00:00:00+05:30")])
    if last is not None and last.starts_at is not None and (starts_at or now) < last.starts_at:
        reason = f"v{last.version} holds from {last.starts_at.isoformat()}, and would never if this one did before"
        raise Invalid([FieldError("from", f"{reason}: choose that instant or a later one")])
