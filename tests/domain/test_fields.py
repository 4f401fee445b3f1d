"""Fields of a document: each is checked and named by its path; a fault does not end the reading."""

import datetime
from decimal import Decimal

import pytest

from domain.errors import Faults
from domain.fields import Fields, shown


def read(document, take):
    """What taking a field of a document gives, and what it finds wrong."""
    faults = Faults()
    taken = take(Fields(document, path="plan", faults=faults))
    return taken, [str(error) for error in faults.errors]


def test_good_fields_are_read_without_a_fault():
    document = {"name": "OTP", "model": "volume", "on": True, "size": 3, "rows": [1]}
    faults = Faults()
    fields = Fields(document, path="plan", faults=faults)
    taken = (
        fields.text("name"),
        fields.choice("model", ["volume", "flat"]),
        fields.boolean("on", default=False),
        fields.whole("size", least=1, most=3),
        fields.rows("rows", most=1, what="row"),
    )
    fields.refuse_unknown()
    assert taken == ("OTP", "volume", True, 3, [1])
    assert not faults


def test_missing_and_null_fields_are_their_defaults():
    for document in ({}, {"a": None}):
        assert read(document, lambda f: f.text("a", required=False)) == (None, [])
        assert read(document, lambda f: f.choice("a", ["x"], default="x")) == ("x", [])
        assert read(document, lambda f: f.boolean("a", default=True)) == (True, [])
        assert read(document, lambda f: f.whole("a", least=1, most=9, default=4)) == (4, [])


@pytest.mark.parametrize(
    ("take", "sentence"),
    [
        (lambda f: f.text("a"), "plan.a: must be a text of 1 to 256 characters; it is missing"),
        (lambda f: f.choice("a", ["x", "y"]), "plan.a: must be one of x, y; it is missing"),
        (lambda f: f.whole("a", least=1, most=9_000), "plan.a: must be a whole number from 1 to 9,000; it is missing"),
        (lambda f: f.rows("a", most=9, what="tier"), "plan.a: needs at least one tier"),
    ],
)
def test_a_missing_field_that_is_needed_is_named(take, sentence):
    taken, faults = read({}, take)
    assert not taken
    assert faults == [sentence]


@pytest.mark.parametrize("value", ["", "x" * 257, "a\0", 5, True, ["a"], {"a": 1}], ids=shown)
def test_what_is_no_text_is_refused(value):
    taken, faults = read({"a": value}, lambda f: f.text("a"))
    assert taken is None
    assert faults[0].startswith("plan.a: must be a text of 1 to 256 characters, not ")


@pytest.mark.parametrize("value", [True, 0, 10, 5.0, "5", Decimal(5), 10**5_000, -1], ids=shown)
def test_what_is_no_whole_number_in_range_is_refused(value):
    taken, faults = read({"a": value}, lambda f: f.whole("a", least=1, most=9))
    assert taken is None
    assert faults == [f"plan.a: must be a whole number from 1 to 9, not {shown(value)}"]


@pytest.mark.parametrize("value", ["true", 1, 0, [], "yes"], ids=shown)
def test_what_is_no_boolean_is_refused_and_reads_as_its_default(value):
    taken, faults = read({"a": value}, lambda f: f.boolean("a", default=False))
    assert taken is False
    assert faults == [f"plan.a: must be true or false, not {shown(value)}"]


@pytest.mark.parametrize("value", [["x"], {"x": 1}, 5, "X"], ids=shown)
def test_what_is_no_choice_is_refused(value):
    assert read({"a": value}, lambda f: f.choice("a", ["x", "y"], default="x")) == (
        None,
        [f"plan.a: must be one of x, y, not {shown(value)}"],
    )


def test_lists_have_a_most():
    assert read({"a": [1, 2, 3]}, lambda f: f.rows("a", most=2, what="tier")) == (
        [],
        ["plan.a: has 3 entries, at most 2 are read: join some"],
    )


def test_a_field_nobody_reads_is_named_with_those_there_are():
    def take(fields):
        fields.take("unit_price")
        fields.take("free_units")
        fields.out_of_place("steps", "has no steps")
        fields.refuse_unknown()

    _, faults = read({"unit_prize": "1", 5: 1, "steps": 2}, take)
    assert faults == [
        "plan.steps: has no steps",
        "plan.unit_prize: unknown field (did you mean 'unit_price'?); known are free_units, unit_price",
        "plan.5: unknown field; known are free_units, unit_price",
    ]


def test_the_name_somebody_meant_is_looked_for_only_while_few_faults_were_found():
    _, faults = read({f"unit_prixe{number}": "1" for number in range(2_000)}, _refuse_all)
    assert [fault.count("did you mean 'unit_price'?") for fault in faults] == [1] * 51 + [0] * 1_949


def _refuse_all(fields):
    fields.take("unit_price")
    fields.refuse_unknown()


def test_a_field_left_empty_is_a_fault_and_one_fault_only():
    def take(fields):
        fields.text("name")
        fields.boolean("on", default=True)
        fields.refuse_unknown()

    _, faults = read({"name": None, "on": None}, take)
    assert faults == [
        "plan.name: must be a text of 1 to 256 characters; it is missing",
        "plan.on: has no value: give it one, or leave the field out",
    ]


@pytest.mark.parametrize("document", [None, "text", 5, ["a"]], ids=shown)
def test_of_what_is_no_object_that_alone_is_said(document):
    def take(fields):
        fields.text("name")
        fields.rows("rows", most=1, what="row")
        fields.refuse_unknown()

    _, faults = read(document, take)
    assert faults == [f"plan: must be an object with named fields, not {shown(document)}"]


def test_without_a_path_a_field_is_its_name():
    faults = Faults()
    Fields({}, path="", faults=faults).text("code")
    assert faults.errors[0].path == "code"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        (False, "false"),
        (12, "12"),
        (10**5_000, "a number of more than 38 digits"),
        ("x" * 200, f"'{'x' * 60}'…"),
        ("a\nb", r"'a\nb'"),
        ([[[]]], "a list"),
        ({"a": 1}, "an object"),
        (0.25, "0.25"),
        (datetime.date(2026, 10, 1), "2026-10-01"),
    ],
    ids=shown,
)
def test_any_value_can_be_said_in_a_sentence(value, said):
    assert shown(value) == said
