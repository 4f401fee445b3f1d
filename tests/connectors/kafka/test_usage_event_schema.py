"""The published JSON Schema says what the decoder does, as far as JSON Schema can say it; README.md lists the rest."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from connectors.kafka.usage_events import decode_records
from connectors.settings import PROJECT_ROOT
from domain.usage import EVENTS_PER_RECORD_MAX, PROPERTIES_MAX, QUANTITY_MAX, RECORD_BYTES_MAX, RefusalReason
from tests.builders_usage import a_record, an_event_document
from tests.decoding import decoded

SCHEMAS = PROJECT_ROOT / "docs" / "schemas"
README = (SCHEMAS / "README.md").read_text()
EVENT_SCHEMA = json.loads((SCHEMAS / "usage-event.schema.json").read_text())
RECORD_SCHEMA = json.loads((SCHEMAS / "usage-record.schema.json").read_text())
REGISTRY = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in (EVENT_SCHEMA, RECORD_SCHEMA)]
)
RECORD = Draft202012Validator(RECORD_SCHEMA, registry=REGISTRY)


def decoder_takes(value):
    events, dead = decode_records([a_record(json.dumps(value).encode())])
    return bool(events) and not dead


texts = st.one_of(st.text(max_size=20), st.sampled_from(["x" * 128, "x" * 129, "x" * 256, "x" * 257, "😀" * 128, "a\0b"]))
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, QUANTITY_MAX, QUANTITY_MAX + 1, 2**63, -(2**63) - 1, 2**70, 0.5, -0.5, 1e6, 1e18]),
)
flat = st.one_of(texts, numbers, st.booleans(), st.none())
anything = st.one_of(flat, st.lists(flat, max_size=2), st.dictionaries(texts, flat, max_size=2))
times = st.one_of(
    st.sampled_from(
        [
            "2026-10-15T12:00:00Z",
            "2026-10-15t12:00:00z",
            "2026-10-15T12:00:00.123456+05:30",
            "2026-10-15T12:00:00",
            "2026-10-15",
            "20261015T120000Z",
            "2026-10-15T12:00Z",
            "soon",
        ]
    ),
    anything,
)
data = st.one_of(
    anything,
    st.dictionaries(st.one_of(st.sampled_from(["quantity", "channel", "country"]), texts), anything, max_size=4),
    st.tuples(st.booleans(), st.integers(30, 34)).map(
        lambda shape: {**({"quantity": 1} if shape[0] else {}), **{f"p{number}": number for number in range(shape[1])}}
    ),
)


@st.composite
def events(draw):
    """A valid event with some attributes replaced, left out or added."""
    fields = {
        "specversion": texts,
        "id": anything,
        "source": anything,
        "type": anything,
        "subject": anything,
        "time": times,
        "data": data,
    }
    changed = draw(st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True))
    without = draw(st.lists(st.sampled_from(sorted(fields)), max_size=1)) if draw(st.booleans()) else []
    extensions = draw(st.dictionaries(st.text("abcxyz", min_size=3, max_size=8), anything, max_size=2))
    return an_event_document(without=without, **{**extensions, **{name: draw(fields[name]) for name in changed}})


def is_finer_than_a_millionth(value):
    quantity = value.get("data", {}).get("quantity") if isinstance(value.get("data"), dict) else None
    return isinstance(quantity, float) and Decimal(str(quantity)) % Decimal("0.000001") != 0


@given(events().filter(lambda value: not is_finer_than_a_millionth(value)))
def test_the_schema_and_the_decoder_take_the_same_events(value):
    assert RECORD.is_valid(value) == decoder_takes(value)


@given(st.one_of(st.lists(st.one_of(events(), anything), max_size=3), anything))
def test_the_schema_and_the_decoder_take_the_same_records(value):
    if isinstance(value, list) and any(isinstance(item, dict) and is_finer_than_a_millionth(item) for item in value):
        return
    assert RECORD.is_valid(value) == decoder_takes(value)


@pytest.mark.parametrize("count", [0, 1, EVENTS_PER_RECORD_MAX, EVENTS_PER_RECORD_MAX + 1])
def test_both_take_one_to_five_hundred_events_in_an_array(count):
    value = [an_event_document(f"event-{number}") for number in range(count)]
    assert RECORD.is_valid(value) == decoder_takes(value) == (1 <= count <= EVENTS_PER_RECORD_MAX)


@pytest.mark.parametrize(
    ("limit", "event"),
    [
        (256, lambda length: an_event_document("x" * length)),
        (256, lambda length: an_event_document(source="x" * length)),
        (128, lambda length: an_event_document(type="x" * length)),
        (128, lambda length: an_event_document(subject="😀" * length)),
        (256, lambda length: an_event_document(data={"note": "😀" * length})),
        (256, lambda length: an_event_document(data={"x" * length: 1})),
        (32, lambda count: an_event_document(data={f"p{number}": number for number in range(count)})),
        (33, lambda count: an_event_document(data={"quantity": 1, **{f"p{number}": number for number in range(count - 1)}})),
    ],
    ids=["id", "source", "type", "subject", "property", "property name", "properties", "properties and quantity"],
)
def test_both_end_at_the_same_length(limit, event):
    assert [(RECORD.is_valid(event(size)), decoder_takes(event(size))) for size in (limit, limit + 1)] == [
        (True, True),
        (False, False),
    ]


def test_the_schemas_are_valid_and_say_the_limits_of_the_code():
    for schema in (EVENT_SCHEMA, RECORD_SCHEMA):
        Draft202012Validator.check_schema(schema)
    data_schema = EVENT_SCHEMA["properties"]["data"]
    assert data_schema["else"]["maxProperties"] == data_schema["then"]["maxProperties"] - 1 == PROPERTIES_MAX
    assert data_schema["properties"]["quantity"]["maximum"] == QUANTITY_MAX
    assert data_schema["properties"]["quantity"]["minimum"] == -QUANTITY_MAX
    assert RECORD_SCHEMA["then"]["maxItems"] == EVENTS_PER_RECORD_MAX
    assert f"{RECORD_BYTES_MAX:,}" in RECORD_SCHEMA["description"]


def test_the_example_for_producers_is_valid_and_is_read():
    (example,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    assert list(RECORD.iter_errors(json.loads(example))) == []
    assert decoded(example.encode()).quantity_millionths == 1_000_000


def test_producers_are_told_every_reason_for_a_refusal():
    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == set(RefusalReason)
