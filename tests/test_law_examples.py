"""How laws are tried: the same examples where a verdict counts, new ones and more where faults are looked for."""

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.law_examples import USUAL, examples, load_profile


@pytest.fixture(autouse=True)
def _as_before(request):
    yield
    load_profile(request.config.getoption("explore"))


def tried():
    """The examples of a law under the profile that is loaded."""
    drawn = []

    @given(st.integers(), st.text())
    def law(number, name):
        drawn.append((number, name))

    law()
    return drawn


def test_the_same_law_is_tried_on_the_same_examples_every_time():
    load_profile(None)
    assert tried() == tried()
    assert examples(12) == 12


def test_explored_it_is_tried_on_others_and_more_in_proportion():
    load_profile(10 * USUAL)
    assert len(tried()) > 9 * USUAL
    assert tried() != tried()
    assert examples(12) == 120
    assert hypothesis.settings.default.print_blob
