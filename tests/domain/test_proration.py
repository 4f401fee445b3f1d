"""Shares of periods are exact, and the parts of a whole add up to it."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.period import BillingMonth, Period
from domain.proration import Share

START = datetime(2026, 10, 1, tzinfo=UTC)
OCTOBER = Period(START, datetime(2026, 11, 1, tzinfo=UTC))


def share(first_day, days):
    return Share(OCTOBER, Period(START + timedelta(days=first_day), START + timedelta(days=first_day + days)))


def test_half_a_month_costs_half():
    assert share(0, 31).of(999_000_000) == 999_000_000
    assert share(15, 1).of(310_000_000) == 10_000_000


def test_a_share_is_written_in_millionths_of_the_period():
    assert share(0, 31).millionths == 1_000_000
    assert share(0, 10).millionths == 322_581


def test_a_part_outside_of_its_period_is_no_share():
    with pytest.raises(ValueError, match="is no part of"):
        Share(OCTOBER, Period(START - timedelta(days=1), START + timedelta(days=1)))


@given(
    amount=st.integers(-(10**16), 10**16),
    length=st.integers(2, 40 * 86_400_000_000),
    cuts=st.lists(st.integers(1, 40 * 86_400_000_000), max_size=8),
)
def test_the_parts_of_a_period_add_up_to_the_whole_however_it_is_cut(amount, length, cuts):
    period = Period(START, START + timedelta(microseconds=length))
    edges = sorted({0, length, *(cut % length for cut in cuts)})
    parts = [
        Share(period, Period(START + timedelta(microseconds=a), START + timedelta(microseconds=b)))
        for a, b in itertools.pairwise(edges)
    ]
    assert sum(part.of(amount) for part in parts) == amount
    assert sum(part.millionths for part in parts) == 1_000_000


@given(amount=st.integers(0, 10**16), middle=st.integers(1, 30))
def test_two_parts_that_meet_cost_what_they_cost_as_one(amount, middle):
    assert share(0, middle).of(amount) + share(middle, 31 - middle).of(amount) == amount


def test_a_part_of_a_month_in_which_the_clocks_go_forward_is_a_share_of_its_743_hours():
    new_york = ZoneInfo("America/New_York")
    march = BillingMonth(2026, 3).span(new_york)
    noon = datetime(2026, 3, 8, 12, tzinfo=new_york).astimezone(UTC)
    before, after = Share(march, Period(march.start, noon)), Share(march, Period(noon, march.end))
    assert (before.of(743_000_000), after.of(743_000_000)) == (179_000_000, 564_000_000)  # 7 days and 11 hours of it
    assert before.of(310_000_000) + after.of(310_000_000) == 310_000_000
