"""The table of states: which levy each collects, and which codes may stand on a new document."""

import pytest

from domain.errors import InvalidInput
from domain.tax.states import STATES, Head, supply_state


def test_codes_run_from_01_to_38_with_three_beyond():
    assert list(STATES) == [f"{code:02d}" for code in range(1, 39)] + ["96", "97", "99"]


def test_union_territories_without_a_legislature_levy_utgst():
    assert {code for code, state in STATES.items() if state.levy is Head.UTGST} == {
        "04", "25", "26", "31", "35", "38", "97",
    }  # fmt: skip


def test_union_territories_with_a_legislature_levy_sgst():
    with_legislature = {code for code, state in STATES.items() if state.union_territory and state.levy is Head.SGST}
    assert with_legislature == {"01", "07", "34"}


@pytest.mark.parametrize("code", ["25", "28"])
def test_a_discontinued_code_is_refused_on_a_new_document(code):
    with pytest.raises(InvalidInput, match=f"buyer.state_code: {code} .* historic documents only"):
        supply_state(code, field="buyer.state_code")


@pytest.mark.parametrize("code", ["00", "39", "96", "99", "KA", ""])
def test_a_code_that_is_no_indian_state_is_refused(code):
    with pytest.raises(InvalidInput, match="not the GST code of an Indian state"):
        supply_state(code, field="buyer.state_code")
