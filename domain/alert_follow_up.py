"""What follows an alert: acknowledged it rests, snoozed it waits, otherwise it goes on to the next people in turn."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.errors import IllegalTransition, InvalidInput

SNOOZE_MAX: Final = timedelta(days=14)
ESCALATIONS: Final = (timedelta(hours=4), timedelta(hours=24))
"""How long after an alert each further circle of people hears of it when nobody has acknowledged it."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Where an alert stands. `recovered_at` is when its threshold was armed again: nothing is left to be told then."""

    fired_at: datetime
    escalations: int = 0
    """Circles told beyond the first."""
    acknowledged_by: str | None = None
    snoozed_until: datetime | None = None
    recovered_at: datetime | None = None

    @property
    def at_rest(self) -> bool:
        """Whether nobody needs to hear of it again."""
        return self.acknowledged_by is not None or self.recovered_at is not None


def acknowledge(alert: FollowUp, *, by: str) -> FollowUp:
    """Somebody has taken it up. Raises IllegalTransition when another has."""
    if alert.acknowledged_by not in (None, by):
        raise IllegalTransition(f"the alert was acknowledged by {alert.acknowledged_by} before: nothing is left to do")
    return replace(alert, acknowledged_by=by, snoozed_until=None)


def snooze(alert: FollowUp, *, until: datetime, now: datetime) -> FollowUp:
    """Not before `until`. Raises InvalidInput for a moment that is past or too far off."""
    if not now < until <= now + SNOOZE_MAX:
        raise InvalidInput(f"until: choose a moment within the next {SNOOZE_MAX.days} days")
    if alert.at_rest:
        raise IllegalTransition("the alert is at rest: nothing would be told")
    return replace(alert, snoozed_until=until)


def escalate_at(alert: FollowUp) -> datetime | None:
    """When the next circle hears of it; None when nobody does."""
    if alert.at_rest or alert.escalations >= len(ESCALATIONS):
        return None
    due = alert.fired_at + ESCALATIONS[alert.escalations]
    return due if alert.snoozed_until is None else max(due, alert.snoozed_until)


def escalate(alert: FollowUp, *, now: datetime) -> FollowUp | None:
    """The alert told to one more circle, or None when that is not due. One circle at a time, however late it is."""
    due = escalate_at(alert)
    if due is None or now < due:
        return None
    return replace(alert, escalations=alert.escalations + 1, snoozed_until=None)
