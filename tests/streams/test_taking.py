"""Fetches to transactions: as many events as fit, no record split, none left out, each fetch ended with its last record."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metering import Origin
from streams.taking import portions, record_of

EVENT = b'{"specversion":"1.0"}'


def a_fetch(*events_by_record):
    values = [EVENT if events == 1 else b"[" + b",".join([EVENT] * events) + b"]" for events in events_by_record]
    records = [
        SimpleNamespace(topic="usage.events", partition=0, offset=place, timestamp=0, value=value)
        for place, value in enumerate(values)
    ]
    return SimpleNamespace(message=SimpleNamespace(value=SimpleNamespace(records=records)))


def events_of(portion):
    return [record.value.count(EVENT) for record in portion.records]


@pytest.mark.parametrize(
    ("fetches", "expected"),
    [
        ([], []),
        ([[1, 1, 1]], [([1, 1, 1], 1)]),
        ([[1, 1], [1]], [([1, 1, 1], 2)]),
        ([[6, 4], [1]], [([6, 4], 1), ([1], 1)]),
        ([[6, 5]], [([6], 0), ([5], 1)]),
        ([[25]], [([25], 1)]),
        ([[1, 25, 1]], [([1], 0), ([25], 0), ([1], 1)]),
    ],
    ids=str,
)
def test_a_portion_holds_as_many_events_as_fit_and_a_record_that_is_larger_stands_alone(fetches, expected):
    made = list(portions([a_fetch(*fetch) for fetch in fetches], events_max=10))
    assert [(events_of(portion), len(portion.ended)) for portion in made] == expected


@given(st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=8), max_size=12), st.integers(1, 20))
def test_every_record_is_in_one_portion_in_order_and_every_fetch_ends_with_its_last(lengths, events_max):
    fetches = [a_fetch(*fetch) for fetch in lengths]
    made = list(portions(fetches, events_max=events_max))
    assert [events for portion in made for events in events_of(portion)] == [events for fetch in lengths for events in fetch]
    assert [fetch for portion in made for fetch in portion.ended] == fetches
    assert all(sum(events_of(portion)) <= events_max or len(portion.records) == 1 for portion in made)
    seen = ended = 0
    for portion in made:
        seen += len(portion.records)
        ended += len(portion.ended)
        assert sum(len(fetch) for fetch in lengths[:ended]) <= seen


def test_a_record_carries_its_origin_and_kafkas_append_time_in_microseconds():
    raw = SimpleNamespace(topic="usage.events", partition=3, offset=17, timestamp=1_700_000_000_123, value=b"{}")
    assert record_of(raw).origin == Origin("usage.events", 3, 17, 1_700_000_000_123_000)
    assert record_of(raw).value == b"{}"


def test_a_tombstone_is_an_empty_record():
    assert record_of(SimpleNamespace(topic="usage.events", partition=0, offset=0, timestamp=0, value=None)).value == b""
