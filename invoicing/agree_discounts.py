"""Let discounts of a plan and of contracts come together only where they cannot take off more than there is.

Plans and contracts are written apart, each without a fault. What brings two of them together is refused, with both named:
a contract that is written or ends, a subscription that begins or changes. So it holds at every instant, for all that rate.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, EPOCH, Account
from domain.catalogue import PlanVersion, Subscription
from domain.catalogue.discounts import Clash, clashes
from domain.subscriptions import Segment, Subscriptions
from invoicing.administration_ports import Administration

Agreements = Mapping[str, Account]
"""Accounts by their codes, as whoever rates sees them; those without a contract that takes something off are left out."""

_MICROSECOND: Final = timedelta(microseconds=1)


def brought_together(before: Agreements, after: Agreements) -> dict[str, list[Clash]]:
    """By account, the discounts that could take off more than there is, and could not before."""
    found = {}
    for code, account in after.items():
        known = clashes(before[code].spans()) if code in before else {}
        new = [clash for pair, clash in clashes(account.spans()).items() if pair not in known]
        if new:
            found[code] = new
    return found


def clashes_of_changes(
    transaction: Administration, changes: Sequence[tuple[Subscriptions, Subscriptions]]
) -> Mapping[str, str]:
    """By account, why it cannot be on what it would be on: its subscriptions before and after, neither of them written."""
    before = transaction.agreements.read([were.account for were, _ in changes])
    wanted = {segment.plan.plan_version_id for were, are in changes if were.account in before for segment in are.segments}
    versions = transaction.agreements.versions(sorted(wanted)) if wanted else {}
    after = {
        are.account: before[are.account].on([_subscription(segment, versions) for segment in are.segments])
        for _, are in changes
        if are.account in before
    }
    return {code: reason(found) for code, found in brought_together(before, after).items()}


def reason(found: Sequence[Clash]) -> str:
    """What is wrong, for whoever puts an account on a plan."""
    first = min(clash.since_micros for clash in found)
    since = "" if first <= DISTANT_PAST else f", from {_shown(first)} on"
    return (
        f"{'; '.join(map(str, found))}{since}: choose another plan or version, or end the contract and write another, with"
        " discounts that apply to the same charges or have the code of the one they are to replace"
    )


def _subscription(segment: Segment, versions: Mapping[int, PlanVersion]) -> Subscription:
    return Subscription(
        versions[segment.plan.plan_version_id],
        _micros(segment.start, DISTANT_PAST),
        _micros(segment.end, DISTANT_FUTURE),
        None if segment.began_at is None else _micros(segment.began_at, DISTANT_PAST),
    )


def _micros(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else (moment - EPOCH) // _MICROSECOND


def _shown(micros: int) -> str:
    return f"{(EPOCH + micros * _MICROSECOND).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
