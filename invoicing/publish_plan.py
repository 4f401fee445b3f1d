"""Publish a plan: checked as a whole, stored as a new version when it means something new, and audited."""

from collections.abc import Mapping
from dataclasses import dataclass
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


def publish_plan(store: AdministrationStore, document: Mapping[str, Any], *, author: Author) -> Publication:
    """Store a plan document as the next version, with the meters it brings. Raises Invalid with every fault.

    Publications wait for each other. One whose meaning is that of the last version changes nothing.
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
        if last is not None and (dict(last.document) == document or _means_the_same(before, plan)):
            return Publication(plan.code, last.version, is_new=False, digest=digest, new_meters=(), changes=())
        new_meters = [meter for meter in (*plan.meters, *plan.implied) if meter.code not in published]
        plans.add_meters(new_meters)
        version = 1 if last is None else last.version + 1
        plans.add_version(plan, document, version=version, published_at=author.at)
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
            after=document,
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
