"""The law of the second rater (DESIGN §3.5): written apart from the first, it comes to the same micro."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.pricing import MODELS, read_price
from invoicing.recompute.prices import event_micros, is_per_event, total_micros
from tests.laws import price_documents

quantities = st.one_of(st.integers(-5_000_000, 90_000_000), st.integers(0, 90).map(lambda units: units * 1_000_000))


@given(price_documents.of_totals, quantities)
def test_a_running_total_costs_the_same_in_fractions(document, quantity):
    first = read_price(document, path="price").amount_micros(quantity)
    assert total_micros(document, Fraction(quantity, 1_000_000)) == first


@given(price_documents.of_events, quantities)
def test_an_event_costs_the_same_in_fractions(document, quantity):
    first = read_price(document, path="price").amount_micros(quantity)
    assert event_micros(document, Fraction(quantity, 1_000_000)) == first


def test_every_model_is_generated_here_and_known_to_the_second_rater():
    assert set(price_documents.BY_MODEL) == set(MODELS)
    assert {model for model in MODELS if is_per_event({"model": model})} == {m for m in MODELS if MODELS[m].per_event}
