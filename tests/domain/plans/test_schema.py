"""The JSON Schema of plan documents: published as generated, and it takes what the reader takes."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from connectors.files.plan_files import read_plan_file
from domain.errors import Invalid
from domain.plans import read_plan
from domain.plans.schema import plan_schema
from tests.builders_plans import a_charge, a_commitment, a_discount, a_fee, a_matrix, a_meter, a_plan, a_setup, per_unit

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "docs" / "examples" / "plans").glob("*.yaml"))
VALIDATOR = Draft202012Validator(json.loads((ROOT / "docs" / "schemas" / "plan.schema.json").read_text()))


def test_the_published_schema_is_the_generated_one():
    """Mended by: billing plans schema > docs/schemas/plan.schema.json."""
    Draft202012Validator.check_schema(VALIDATOR.schema)
    assert VALIDATOR.schema == json.loads(json.dumps(plan_schema()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_good_to_the_schema_and_to_the_reader(path):
    document = read_plan_file(path)
    VALIDATOR.validate(document)
    plan = read_plan(document)
    VALIDATOR.validate(plan.normal_form())
    assert read_plan(plan.normal_form()).normal_form() == plan.normal_form()


@pytest.mark.parametrize(
    "document",
    [
        a_plan(),
        a_plan(a_charge(meter=..., meters=["a", "b"], code="c", kind="usage", reset="never", shared="account_tree")),
        a_plan(
            a_charge(price=a_matrix(({"channel": "sms"}, "1"), ({}, "2"))), a_fee(), a_setup(), a_commitment(every="year")
        ),
        a_plan(a_charge("numbers"), meters=[a_meter(filter={"channel": ["sms"]})], trial_days=3),
        a_plan(adjustments=[a_discount(applies_to=["otp.delivered"], days=4)]),
        a_plan(currency="EUR"),
        a_plan(code="a b"),
        a_plan(charges=[]),
        a_plan(trial_days=-1),
        a_plan(a_charge(sac="1")),
        a_plan(a_charge(unit="")),
        a_plan(a_charge(meters=["otp"])),
        a_plan(a_charge(meter=...)),
        a_plan(a_charge(price=per_unit("0.1234567"))),
        a_plan(a_charge(price=per_unit("-1"))),
        a_plan(a_charge(price=a_matrix(({"channel": "a/b"}, "1")))),
        a_plan(a_fee(every="week")),
        a_plan(a_fee(minimum="1")),
        a_plan(a_setup(every="month")),
        a_plan(a_commitment(minimum=5)),
        a_plan(adjustments=[a_discount(amount="1")]),
        a_plan(adjustments=[a_discount(kind="trial")]),
        a_plan(adjustments=[a_discount(periods=0)]),
    ],
    ids=range(23),
)
def test_schema_and_reader_agree(document):
    try:
        read_plan(document)
        reads = True
    except Invalid:
        reads = False
    assert VALIDATOR.is_valid(document) == reads
