"""Whatever bytes a producer sends: decoding never raises, and all of it ends as event or dead letter."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kafka.usage_events import decode_records
from domain.usage import QUANTITY_MAX, QUANTITY_SCALE
from tests.builders_usage import a_record, a_usage_event, an_array
from tests.law_examples import examples

TOKENS = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b" ",
        b"\n",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98\x80",
    ),
    *(
        b"NaN",
        b"Infinity",
        b"-",
        b"-0",
        b"1e400",
        b"1e-400",
        b"1e99999999999999999999",
        b"null",
        b"true",
        b"0.1",
        b"99999999999999999999",
    ),
    *(
        b'"id": "event-1", ',
        b'"i\\u0064": "x", ',
        b'"data": {}, ',
        b'"quantity": 2, ',
        b'"quantity" : 2, ',
        b'"\\u0000": 1, ',
        b"\\ud800",
    ),
    *(b'"x": {"a": 1, "a": 2}, ', b'"x": {"a": [1]}, ', b"2026-10-15T12:00:00", b"[" * 3000, b'{"a":' * 3000, b"1" * 5000),
]
whole = st.sampled_from(
    [a_usage_event(), a_usage_event(without=["data"]), an_array(a_usage_event("a"), a_usage_event("b")), b"[]"]
)


@st.composite
def mutated(draw):
    """A valid record with pieces cut out and tokens put in."""
    value = draw(whole)
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(value)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 8]))
        value = value[:start] + draw(st.sampled_from([b"", *TOKENS])) + value[end:]
    return value


def assert_ends_as_event_or_dead_letter(value):
    events, dead = decode_records([a_record(value)])
    assert events or dead
    for item in events:
        assert_the_books_can_hold(item.event)
        assert item.payload in value
        assert no_key_stands_twice(item.payload)
    for letter in dead:
        assert letter.reason
        assert 0 < len(letter.detail.encode()) < 2_000
        assert "\0" not in letter.detail
        assert letter.payload == value if letter.index is None else letter.payload in value


def assert_the_books_can_hold(event):
    for text in (event.source, event.id, event.subject, event.meter, event.properties_json):
        assert "\0" not in text
        assert len(text.encode()) > 0
    assert abs(event.quantity_millionths) <= QUANTITY_MAX * QUANTITY_SCALE
    assert -(2**62) < event.time_micros < 2**62
    assert isinstance(json.loads(event.properties_json), dict)


def no_key_stands_twice(text):
    def once(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once, parse_int=str) is not None


@given(st.binary(max_size=200))
def test_any_bytes_end_as_event_or_dead_letter(value):
    assert_ends_as_event_or_dead_letter(value)


@settings(max_examples=examples(500))
@given(mutated())
def test_any_mutation_of_a_record_ends_as_event_or_dead_letter(value):
    assert_ends_as_event_or_dead_letter(value)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "source", "type", "subject", "time", "data", "specversion", "x"]), json_values, max_size=4
    )
)
def test_any_json_in_any_field_ends_as_event_or_dead_letter(changes):
    assert_ends_as_event_or_dead_letter(a_usage_event(**changes))


@given(st.lists(st.one_of(st.binary(max_size=20), mutated()), max_size=6))
def test_records_are_judged_one_by_one(values):
    together_events, together_dead = decode_records([a_record(value, offset) for offset, value in enumerate(values)])
    alone = [decode_records([a_record(value, offset)]) for offset, value in enumerate(values)]
    assert together_events == [event for events, _ in alone for event in events]
    assert together_dead == [letter for _, dead in alone for letter in dead]
