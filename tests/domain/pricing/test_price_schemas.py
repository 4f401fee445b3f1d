"""The JSON Schema of each price and its reader agree.

What the reader accepts, the schema accepts. What the schema accepts, the reader accepts, or it names a fault no schema can
see: tiers that do not rise or meet, bounds that contradict each other, a number out of range.
"""

import copy
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.errors import Invalid
from domain.pricing import MODELS, price_schemas, read_price
from tests.laws import prices

ONE_OF = Draft202012Validator({"oneOf": price_schemas()})
VALIDATORS = {name: Draft202012Validator(model.schema) for name, model in MODELS.items()}
BEYOND_A_SCHEMA = re.compile(
    "must be above|every tier but the last|overlaps the tier before|leaves a gap|must be between|must not be below"
)

decimals = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,6})?", fullmatch=True)
values = st.one_of(
    decimals,
    st.integers(-5, 10**13),
    st.sampled_from(
        ["-1", "NaN", "Infinity", "1e999", "0.1234567", "9" * 14, "9" * 13, "", "refused", "reprice", "passed", "completed"]
    ),
    st.sampled_from([None, True, False, 1.5, [], {}, [{}], {"up_to": 1}]),
)
FIELDS = sorted({name for model in MODELS.values() for name in model.schema["properties"]})
TIER_FIELDS = ["above", "flat_fee", "unit_price", "up_to", "price"]


@st.composite
def nearly_prices(draw):
    """A price document somebody edited: fields replaced, left out, misspelt; tiers in another order."""
    document = copy.deepcopy(draw(prices.of_any_kind).document())
    for _ in range(draw(st.integers(0, 3))):
        tiers = document.get("tiers")
        target = document
        if isinstance(tiers, list) and tiers and draw(st.booleans()):
            tiers = document["tiers"] = draw(st.permutations(tiers))
            target = draw(st.sampled_from(tiers))
        if not isinstance(target, dict):
            continue
        name = draw(st.sampled_from(FIELDS if target is document else TIER_FIELDS))
        if draw(st.booleans()):
            target[name] = draw(values)
        elif name in target and name != "model":
            del target[name]
    return document


@pytest.mark.parametrize("name", MODELS)
def test_each_schema_is_one_and_knows_its_model(name):
    Draft202012Validator.check_schema(MODELS[name].schema)
    assert MODELS[name].schema["properties"]["model"] == {"const": name}
    assert MODELS[name].model == name


@given(prices.of_any_kind)
def test_what_a_price_writes_down_its_schema_accepts_and_no_other(price):
    assert VALIDATORS[price.model].is_valid(price.document())
    assert ONE_OF.is_valid(price.document())


@given(nearly_prices())
@example({"model": "graduated", "tiers": [{"up_to": 5, "unit_price": "1"}, {"up_to": None, "unit_price": "1"}]})
@example({"model": "package", "package_size": 0, "package_price": "1"})
@example({"model": "percentage", "percent": "1", "minimum": None})
def test_schema_and_reader_agree(document):
    try:
        price = read_price(document, path="price")
    except Invalid as refused:
        if ONE_OF.is_valid(document):
            beside = [str(fault) for fault in refused.errors if not BEYOND_A_SCHEMA.search(fault.reason)]
            assert beside == []
    else:
        assert ONE_OF.is_valid(document)
        assert read_price(price.document(), path="price") == price


@given(
    st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4))
)
def test_no_document_breaks_the_reader(document):
    with pytest.raises(Invalid) as refused:
        read_price(document, path="price")
    assert all(fault.path.startswith("price") and fault.reason for fault in refused.value.errors)
