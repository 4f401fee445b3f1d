"""Fetches to transactions: consecutive ones that fit together, none split, none left out, in order."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metering import Origin
from streams.meter_usage import _groups
from streams.taking import record_of


def a_fetch(records):
    return SimpleNamespace(message=SimpleNamespace(value=SimpleNamespace(records=[None] * records)))


def sizes(groups):
    return [[len(fetch.message.value.records) for fetch in group] for group in groups]


@pytest.mark.parametrize(
    ("fetches", "groups"),
    [
        ([], []),
        ([3], [[3]]),
        ([3, 3, 4], [[3, 3, 4]]),
        ([3, 3, 5], [[3, 3], [5]]),
        ([10, 1], [[10], [1]]),
        ([25], [[25]]),
        ([1, 25, 1], [[1], [25], [1]]),
    ],
    ids=str,
)
def test_fetches_are_put_together_as_long_as_they_fit(fetches, groups):
    assert sizes(_groups([a_fetch(records) for records in fetches], records_max=10)) == groups


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 50))
def test_every_fetch_is_in_one_group_in_order_and_no_group_could_take_the_next_fetch(lengths, records_max):
    groups = sizes(_groups([a_fetch(records) for records in lengths], records_max=records_max))
    assert [records for group in groups for records in group] == lengths
    assert all(sum(group) <= records_max or len(group) == 1 for group in groups)
    assert all(sum(group) + following[0] > records_max for group, following in pairwise(groups))


def test_a_record_carries_its_origin_and_kafkas_append_time_in_microseconds():
    raw = SimpleNamespace(topic="usage.events", partition=3, offset=17, timestamp=1_700_000_000_123, value=b"{}")
    assert record_of(raw).origin == Origin("usage.events", 3, 17, 1_700_000_000_123_000)
    assert record_of(raw).value == b"{}"


def test_a_tombstone_is_an_empty_record():
    assert record_of(SimpleNamespace(topic="usage.events", partition=0, offset=0, timestamp=0, value=None)).value == b""
