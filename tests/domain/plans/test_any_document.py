"""Any document at all is read or refused with its faults; nothing else ever happens."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.errors import Invalid
from domain.plans import read_plan
from domain.plans.diff import plan_changes
from domain.plans.schema import plan_schema
from tests.builders_plans import a_charge, a_commitment, a_discount, a_fee, a_matrix, a_meter, a_plan, a_setup
from tests.law_examples import examples

SCHEMA = Draft202012Validator(plan_schema())

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**60),
    st.text(max_size=5),
    st.decimals(),
    st.sampled_from(["1", "-1", "0.1234567", "*", "usage", "matrix", "otp.delivered", "trial", "\0", "\ud800", "x" * 300]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers(), st.none()), inner, max_size=3),
    ),
    max_leaves=6,
)


def whole():
    return a_plan(
        a_charge(price=a_matrix(({"channel": "sms"}, "1"), ({}, "2"))),
        a_charge("numbers", price={"model": "graduated", "tiers": [{"up_to": 5, "unit_price": "1"}, {"unit_price": "2"}]}),
        a_fee(),
        a_setup(),
        a_commitment(counts=["numbers"]),
        meters=[a_meter(filter={"channel": ["sms"]}), a_meter("otp.delivered")],
        trial_days=3,
        adjustments=[a_discount(applies_to=["numbers"], sac="998319")],
    )


def places(document, path=()):
    yield path
    parts = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for name, part in parts:
        yield from places(part, (*path, name))


PLACES = list(places(whole()))[1:]


def faults_of(document):
    """None for a document that is read."""
    try:
        read_plan(document)
    except Invalid as refused:
        return [str(error) for error in refused.errors]
    return None


@given(values)
def test_any_value_is_refused_with_reasons(document):
    faults = faults_of(document)
    assert faults
    assert all(faults)


@settings(max_examples=examples(400))
@given(st.lists(st.tuples(st.sampled_from(PLACES), values), min_size=1, max_size=3))
def test_a_plan_with_anything_in_it_is_read_or_refused(spoils):
    document = whole()
    for place, value in spoils:
        part = document
        try:
            for name in place[:-1]:
                part = part[name]
            part[place[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    faults = faults_of(document)
    if faults is None:
        plan = read_plan(document)
        assert plan_changes(plan, read_plan(plan.normal_form())) == ()
        assert SCHEMA.is_valid(document)
    else:
        assert all(len(fault) < 3_000 for fault in faults)


def test_the_largest_numbers_and_texts_are_refused_in_few_words():
    document = a_plan(a_charge(sac=Decimal("1e999999"), unit="x" * 10**6), code=10**5_000)
    with pytest.raises(Invalid) as refused:
        read_plan(document)
    assert len(str(refused.value)) < 1_000
