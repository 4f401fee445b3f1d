"""Errors: a document is refused with all its faults at once, each with its path."""

import pytest

from domain.errors import Faults, FieldError, Invalid, InvalidInput


def test_a_refusal_lists_every_fault_with_its_path():
    refused = Invalid([FieldError("charges[0].sac", "must be a text"), FieldError("", "names no charge")])
    assert str(refused) == "charges[0].sac: must be a text; names no charge"
    assert refused.errors == (("charges[0].sac", "must be a text"), ("", "names no charge"))
    assert refused.facts["errors"] == refused.errors
    assert isinstance(refused, InvalidInput)
    assert refused.code == "invalid_input"


@pytest.mark.parametrize(("number", "end"), [(20, "f19: wrong"), (21, "and 1 more"), (5_000, "and 4,980 more")])
def test_a_sentence_names_twenty_faults_and_counts_the_rest(number, end):
    refused = Invalid(FieldError(f"f{place}", "wrong") for place in range(number))
    assert len(refused.errors) == number
    assert str(refused).endswith(f"; {end}")
    assert str(refused).count(";") <= 20


def test_what_several_readers_refuse_is_collected_before_anything_is_used():
    def refuse(*errors):
        raise Invalid(errors)

    def refuse_in_a_sentence():
        raise InvalidInput("the whole is wrong")

    faults = Faults()
    assert faults.attempt(lambda: 7) == 7
    assert faults.attempt(lambda: refuse(FieldError("a", "wrong"), FieldError("b", "wrong too"))) is None
    assert faults.attempt(refuse_in_a_sentence) is None
    faults.add("c", "missing")
    assert len(faults) == 4
    with pytest.raises(Invalid) as refused:
        faults.refuse_if_any()
    assert str(refused.value) == "a: wrong; b: wrong too; the whole is wrong; c: missing"


def test_without_a_fault_nothing_is_refused():
    faults = Faults()
    faults.refuse_if_any()
    assert len(faults) == 0


def test_what_is_no_refusal_is_not_collected():
    with pytest.raises(ZeroDivisionError):
        Faults().attempt(lambda: 1 // 0)
