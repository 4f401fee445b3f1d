"""Periods: half-open, in the account's time zone, without gap or overlap."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.period import BillingMonth, Period

KOLKATA = ZoneInfo("Asia/Kolkata")
zones = st.sampled_from([KOLKATA, ZoneInfo("UTC"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Jakarta")])
months = st.builds(BillingMonth, st.integers(2000, 2100), st.integers(1, 12))
moments = st.integers(0, 40_000 * 86_400).map(lambda seconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@given(months)
def test_next_and_previous_undo_each_other(month):
    assert month.next().previous() == month
    assert month.previous() < month < month.next()


@given(months)
def test_a_month_reads_what_it_writes(month):
    assert BillingMonth.parse(str(month)) == month


@given(months, zones)
def test_months_follow_each_other_without_gap_or_overlap(month, zone):
    assert month.span(zone).end == month.next().span(zone).start


@given(moments, zones)
def test_every_instant_is_in_its_month_and_in_no_neighbour(moment, zone):
    month = BillingMonth.of(moment, zone)
    assert month.span(zone).contains(moment)
    assert not month.next().span(zone).contains(moment)
    assert not month.previous().span(zone).contains(moment)


def test_an_indian_month_begins_half_past_six_in_the_evening_utc():
    october = BillingMonth(2026, 10).span(KOLKATA)
    assert october == Period(datetime(2026, 9, 30, 18, 30, tzinfo=UTC), datetime(2026, 10, 31, 18, 30, tzinfo=UTC))


def test_the_end_of_a_period_is_outside_it():
    october = BillingMonth(2026, 10).span(KOLKATA)
    assert october.contains(october.start)
    assert not october.contains(october.end)
    assert october.contains(october.end - timedelta(microseconds=1))


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "26-10", "2026-1", "October 2026", "", "2026-10-01"])
def test_a_malformed_month_is_refused_with_the_form_it_should_have(text):
    with pytest.raises(ValueError, match="YYYY-MM"):
        BillingMonth.parse(text)


def test_a_period_needs_a_time_zone():
    with pytest.raises(ValueError, match="zone"):
        Period(datetime(2026, 10, 1), datetime(2026, 11, 1))  # noqa: DTZ001 (the point of the test)


def test_a_period_may_not_be_empty():
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(moment, moment)
