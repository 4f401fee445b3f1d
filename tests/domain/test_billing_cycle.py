"""The periods of recurring charges, by the calendar and by anniversaries, in the zones our customers live in."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing_cycle import Anchor, BillingCycle, Interval
from domain.period import Period

KOLKATA = ZoneInfo("Asia/Kolkata")
ZONES = ["Asia/Kolkata", "Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "America/New_York", "Europe/London", "UTC"]


def first_days(cycle, count, *, zone=KOLKATA, start=0):
    return [str(cycle.period(number).start.astimezone(zone).date()) for number in range(start, start + count)]


def began(text, *, zone=KOLKATA):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_a_calendar_month_begins_on_the_first_wherever_in_it_the_subscription_began():
    cycle = BillingCycle.of(Interval.MONTH, Anchor.CALENDAR, began_at=began("2026-10-17T11:00"), time_zone=KOLKATA)
    assert first_days(cycle, 3) == ["2026-10-01", "2026-11-01", "2026-12-01"]


def test_calendar_quarters_and_years_begin_where_the_calendars_do():
    for interval, first in ((Interval.QUARTER, date(2026, 10, 1)), (Interval.YEAR, date(2026, 1, 1))):
        cycle = BillingCycle.of(interval, Anchor.CALENDAR, began_at=began("2026-12-31T23:59"), time_zone=KOLKATA)
        assert cycle.first_day == first


def test_an_anniversary_on_the_31st_falls_on_the_last_day_of_shorter_months_and_comes_back():
    cycle = BillingCycle.of(Interval.MONTH, Anchor.ANNIVERSARY, began_at=began("2027-01-31T09:00"), time_zone=KOLKATA)
    assert first_days(cycle, 5) == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]


def test_a_leap_day_is_kept_as_the_anniversary():
    cycle = BillingCycle.of(Interval.YEAR, Anchor.ANNIVERSARY, began_at=began("2024-02-29T09:00"), time_zone=KOLKATA)
    assert first_days(cycle, 5) == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_the_day_a_subscription_began_is_the_accounts_day_and_not_utcs():
    moment = datetime(2026, 10, 31, 20, 0, tzinfo=UTC)  # 1 November, 01:30 in India
    cycle = BillingCycle.of(Interval.MONTH, Anchor.ANNIVERSARY, began_at=moment, time_zone=KOLKATA)
    assert cycle.first_day == date(2026, 11, 1)


def test_a_month_in_which_the_clocks_go_back_is_an_hour_longer():
    zone = ZoneInfo("America/New_York")
    cycle = BillingCycle.of(Interval.MONTH, Anchor.CALENDAR, began_at=began("2026-11-01T00:00", zone=zone), time_zone=zone)
    november = cycle.period(0)
    assert november.end - november.start == timedelta(days=30, hours=1)


@pytest.mark.parametrize("zone", ZONES)
@given(
    seconds=st.integers(0, 11 * 366 * 86_400),
    interval=st.sampled_from(Interval),
    anchor=st.sampled_from(Anchor),
    days=st.integers(1, 900),
)
def test_periods_follow_each_other_without_a_gap_and_cover_any_span(zone, seconds, interval, anchor, days):
    start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    cycle = BillingCycle.of(interval, anchor, began_at=start, time_zone=ZoneInfo(zone))
    span = Period(start, start + timedelta(days=days))
    periods = list(cycle.overlapping(span))
    assert periods[0].start <= span.start < periods[0].end
    assert periods[-1].start < span.end <= periods[-1].end
    assert all(one.end == following.start for one, following in pairwise(periods))
    later = islice(cycle.overlapping(Period(periods[-1].start, periods[-1].end)), 2)
    assert list(later) == [periods[-1]]
