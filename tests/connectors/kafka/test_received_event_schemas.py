"""The published schemas of payment and config events say what the decoder does, as far as JSON Schema can say it."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from connectors.settings import PROJECT_ROOT
from domain.config_changes import ConfigType
from domain.event_data import DEPTH_MAX, TEXT_MAX, VALUES_MAX
from domain.money import Currency
from domain.payments import AMOUNT_MINOR_MAX, Gateway, PaymentType
from domain.receiving import Family
from domain.usage import PROPERTIES_MAX, RECORD_BYTES_MAX
from tests.builders_received import a_document
from tests.receiving import decode, decoded

SCHEMAS = PROJECT_ROOT / "docs" / "schemas"
PAGE = (SCHEMAS / "payment-and-config-events.md").read_text()
SCHEMA = {family: json.loads((SCHEMAS / f"{family.value}-event.schema.json").read_text()) for family in Family}
EVENT = {family: Draft202012Validator(SCHEMA[family]) for family in Family}
of_both_families = pytest.mark.parametrize("family", list(Family))


def decoder_takes(family, value):
    events, dead = decode(family, json.dumps(value).encode())
    return bool(events) and not dead


texts = st.one_of(st.text(max_size=20), st.sampled_from(["x" * 128, "x" * 129, "x" * 256, "x" * 257, "😀" * 128, "a\0b"]))
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX + 1, 2**63, -(2**63) - 1, 2**70, 0.5, -0.5, 1e18, 1e19]),
)
flat = st.one_of(texts, numbers, st.booleans(), st.none())
anything = st.recursive(
    flat, lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)), max_leaves=6
)
times = st.sampled_from(["2026-10-15T12:00:00Z", "2026-10-15t12:00:00.5+05:30", "2026-10-15T12:00:00", "2026-10-15", "soon"])
TYPES = [*PaymentType, *ConfigType, "otp.delivered"]
FACTS = {
    "gateway": st.one_of(st.sampled_from([*Gateway, "paypal"]), anything),
    "reference": anything,
    "amount_minor": numbers.filter(lambda number: not isinstance(number, float) or not number.is_integer()),
    "currency": st.one_of(st.sampled_from([*Currency, "EUR", "inr"]), anything),
}


@st.composite
def documents(draw, family):
    """A valid event with some attributes or particulars replaced, left out or added."""
    fields = {
        "specversion": texts,
        "id": anything,
        "source": anything,
        "type": st.one_of(st.sampled_from(TYPES), anything),
        "subject": anything,
        "time": st.one_of(times, anything),
        "data": anything,
    }
    changed = draw(st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True))
    without = draw(st.lists(st.sampled_from(sorted(fields)), max_size=1)) if draw(st.booleans()) else []
    document = a_document(family, without=without, **{name: draw(fields[name]) for name in changed})
    if isinstance(document.get("data"), dict):
        for name in draw(st.lists(st.sampled_from(sorted(FACTS)), max_size=2, unique=True)):
            document["data"][name] = draw(FACTS[name])
        document["data"] |= draw(st.dictionaries(texts, anything, max_size=2))
    return document


@of_both_families
@given(data=st.data())
def test_the_schema_and_the_decoder_take_the_same_events(family, data):
    document = data.draw(documents(family))
    assert EVENT[family].is_valid(document) == decoder_takes(family, document)


@pytest.mark.parametrize(
    ("family", "limit", "event"),
    [
        *((family, 256, lambda size, family=family: a_document(family, "x" * size)) for family in Family),
        *((family, 128, lambda size, family=family: a_document(family, subject="😀" * size)) for family in Family),
        (Family.CONFIG, TEXT_MAX, lambda size: a_document(Family.CONFIG, data={"a": [{"note": "😀" * size}]})),
        (Family.CONFIG, TEXT_MAX, lambda size: a_document(Family.CONFIG, data={"a": {"x" * size: 1}})),
        (Family.PAYMENT, TEXT_MAX, lambda size: a_payment_with(reference="x" * size)),
        (Family.PAYMENT, PROPERTIES_MAX, lambda size: a_payment_with(**{f"p{n}": n for n in range(size - 4)})),
        (Family.PAYMENT, AMOUNT_MINOR_MAX, lambda size: a_payment_with(amount_minor=size)),
    ],
)
def test_both_end_at_the_same_size(family, limit, event):
    assert [(EVENT[family].is_valid(event(size)), decoder_takes(family, event(size))) for size in (limit, limit + 1)] == [
        (True, True),
        (False, False),
    ]


def a_payment_with(**changes):
    return a_document(Family.PAYMENT, data={**a_document(Family.PAYMENT)["data"], **changes})


def test_the_schemas_are_valid_and_say_the_choices_and_limits_of_the_code():
    for schema in SCHEMA.values():
        Draft202012Validator.check_schema(schema)
    payment, config = (SCHEMA[family]["properties"] for family in Family)
    assert payment["type"]["enum"] == list(PaymentType)
    assert config["type"]["enum"] == list(ConfigType)
    facts = payment["data"]["properties"]
    assert (facts["gateway"]["enum"], facts["currency"]["enum"]) == (list(Gateway), list(Currency))
    assert (
        config["data"]["description"]
        == f"The particulars: at most {DEPTH_MAX} levels deep and {VALUES_MAX:,} values in all."
    )
    for limit in (AMOUNT_MINOR_MAX, VALUES_MAX, RECORD_BYTES_MAX):
        assert f"{limit:,}" in PAGE


def test_the_examples_for_producers_are_valid_and_are_read():
    examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for family, example in zip(Family, [text for text in examples if "/otpless/billing" not in text], strict=True):
        assert list(EVENT[family].iter_errors(json.loads(example))) == []
        assert decoded(family, example.encode()).event.id
