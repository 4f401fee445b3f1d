"""After an alert: people take it up, put it off, or others hear of it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.alert_follow_up import ESCALATIONS, SNOOZE_MAX, FollowUp, acknowledge, escalate, escalate_at, snooze
from domain.errors import IllegalTransition, InvalidInput

FIRED = datetime(2026, 11, 1, 9, tzinfo=UTC)
ALERT = FollowUp(FIRED)


def after(**span: int) -> datetime:
    return FIRED + timedelta(**span)


def test_nobody_else_hears_of_an_alert_before_its_time():
    assert escalate(ALERT, now=FIRED + ESCALATIONS[0] - timedelta(seconds=1)) is None


def test_each_circle_hears_of_it_once_and_in_turn_however_late_it_is():
    alert, told = ALERT, 0
    while (further := escalate(alert, now=after(days=30))) is not None:
        alert, told = further, told + 1
    assert told == len(ESCALATIONS)
    assert escalate_at(alert) is None


def test_an_acknowledged_alert_goes_no_further():
    assert escalate_at(acknowledge(ALERT, by="asha")) is None


def test_an_alert_whose_wallet_recovered_goes_no_further():
    assert escalate_at(FollowUp(FIRED, recovered_at=after(hours=1))) is None


def test_two_people_at_once_do_not_both_acknowledge():
    with pytest.raises(IllegalTransition, match="asha"):
        acknowledge(acknowledge(ALERT, by="asha"), by="ravi")


def test_a_snoozed_alert_waits_until_its_time_and_then_goes_on():
    snoozed = snooze(ALERT, until=after(hours=10), now=after(hours=1))
    assert escalate(snoozed, now=after(hours=9)) is None
    assert escalate(snoozed, now=after(hours=10)) == FollowUp(FIRED, escalations=1)


@pytest.mark.parametrize("until", [FIRED, FIRED - timedelta(hours=1), FIRED + SNOOZE_MAX + timedelta(seconds=1)])
def test_a_snooze_ends_in_the_near_future(until):
    with pytest.raises(InvalidInput, match="until"):
        snooze(ALERT, until=until, now=FIRED)
