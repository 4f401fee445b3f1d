"""Records as a hostile producer sends them: the schema's fields with values put together by hand, alone and in arrays."""

import json

from hypothesis import strategies as st

from tests.builders_usage import HAPPENED_AT, a_usage_event, an_array

FIELDS = ("specversion", "id", "source", "type", "subject", "time", "data", "quantity", "channel", "extension")
_texts = st.one_of(st.text(max_size=12), st.sampled_from(["", "\0", "\ud800", "x" * 300, "'; --", '":', "\\", "💳"]))
_tokens = st.sampled_from(
    [
        *(
            "1e400",
            "-1e400",
            "1e-400",
            "1e999999999999",
            "9" * 4_000,
            "-0",
            "0.0000001",
            "NaN",
            "Infinity",
            "00",
            "1.",
            "+1",
        ),
        *("null", "true", "[]", "{}", "[[]]", '{"a":{"a":1}}', '{"a":1,"a":2}', '"\\ud800"', '"\\u0000"', "", " ", "1 2"),
        *("[" * 1_500, '{"a":' * 1_500, '"' + "\\" * 99, '"2026-10-15T12:00:00"', '"9999-12-31T23:59:59Z"'),
        *(
            '"0001-01-01T00:00:00+23:59"',
            '"2026-02-30T00:00:00Z"',
            f'"{HAPPENED_AT.isoformat()}"',
            '"otp.delivered"',
            '"acme"',
        ),
    ]
)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)),
    max_leaves=8,
).map(json.dumps)
raw_values = st.one_of(_tokens, _json)


@st.composite
def hostile_events(draw: st.DrawFn) -> bytes:
    """An event whose members are partly good and partly not; some come twice, some not at all."""
    good = json.loads(a_usage_event(f"event-{draw(st.integers(1, 4))}"))
    members = [(name, json.dumps(value)) for name, value in good.items() if draw(st.integers(0, 30))]
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.one_of(st.sampled_from(FIELDS), _texts))
        members.insert(draw(st.integers(0, len(members))), (name, draw(raw_values)))
    body = ",".join(f"{json.dumps(name)}:{value}" for name, value in members)
    return f"{{{body}}}".encode("utf-8", "surrogatepass")


_single = st.one_of(hostile_events(), st.binary(max_size=60), st.just(b""))
records = st.one_of(
    _single,
    st.lists(_single, max_size=6).map(lambda events: an_array(*events)),
    st.lists(hostile_events(), min_size=1, max_size=6).map(lambda events: an_array(*events)),
)
"""One event, an array of them, or anything else."""
