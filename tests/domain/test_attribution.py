"""Attribution: whose event it is, on which plan and in which month, by the time it happened."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, EPOCH, AliasSpan, Subscription
from tests.builders_usage import a_config, a_plan_version, an_account, micros_of

NOON = micros_of(datetime(2026, 10, 15, 12, tzinfo=UTC))


def test_an_alias_that_moved_names_the_account_it_had_when_the_event_happened():
    acme, bolt = an_account("acme", account_id=1), an_account("bolt", account_id=2)
    config = a_config(
        acme, bolt, aliases={"shop": (AliasSpan(acme, DISTANT_PAST, NOON), AliasSpan(bolt, NOON, DISTANT_FUTURE))}
    )
    assert config.account_at("shop", NOON - 1) is acme
    assert config.account_at("shop", NOON) is bolt


def test_an_alias_names_nobody_outside_its_spans_and_an_unknown_one_never():
    acme = an_account()
    config = a_config(acme, aliases={"shop": (AliasSpan(acme, NOON, NOON + 10),)})
    assert [config.account_at("shop", NOON + after) for after in (-1, 10)] == [None, None]
    assert config.account_at("shop", NOON + 9) is acme
    assert config.account_at("nobody", NOON) is None


def test_the_plan_in_force_is_the_one_of_the_event_time():
    first, second = a_plan_version(plan_version_id=1), a_plan_version(plan_version_id=2)
    account = an_account(subscriptions=(Subscription(first, NOON - 10, NOON), Subscription(second, NOON, NOON + 10)))
    plans = [account.plan_at(NOON + after) for after in (-11, -10, -1, 0, 9, 10)]
    assert [plan and plan.version for plan in plans] == [
        None,
        first,
        first,
        second,
        second,
        None,
    ]


@pytest.mark.parametrize(
    ("time_zone", "last_of_september", "first_of_october"),
    [
        ("Asia/Kolkata", "2026-09-30T18:29:59.999999+00:00", "2026-09-30T18:30:00+00:00"),
        ("Asia/Jakarta", "2026-09-30T16:59:59.999999+00:00", "2026-09-30T17:00:00+00:00"),
        ("America/New_York", "2026-10-01T03:59:59.999999+00:00", "2026-10-01T04:00:00+00:00"),
        ("Asia/Kathmandu", "2026-09-30T18:14:59.999999+00:00", "2026-09-30T18:15:00+00:00"),
        ("UTC", "2026-09-30T23:59:59.999999+00:00", "2026-10-01T00:00:00+00:00"),
    ],
)
def test_a_month_turns_at_midnight_of_the_account(time_zone, last_of_september, first_of_october):
    account = an_account(time_zone=time_zone)
    moments = [micros_of(datetime.fromisoformat(moment)) for moment in (last_of_september, first_of_october)]
    assert [account.service_month(moment) for moment in moments] == [date(2026, 9, 1), date(2026, 10, 1)]


zones = st.sampled_from(
    ["Asia/Kolkata", "Asia/Jakarta", "UTC", "Pacific/Chatham", "America/St_Johns", "Australia/Lord_Howe"]
)
instants = st.integers(micros_of(datetime(2016, 1, 1, tzinfo=UTC)), micros_of(datetime(2036, 1, 1, tzinfo=UTC)))


@given(zones, st.lists(instants, min_size=1, max_size=20))
def test_the_month_of_an_event_is_that_of_its_local_date_whatever_was_asked_before(time_zone, moments):
    account = an_account(time_zone=time_zone)
    for moment in moments:
        local = (EPOCH + timedelta(microseconds=moment)).astimezone(ZoneInfo(time_zone))
        assert account.service_month(moment) == local.date().replace(day=1)
