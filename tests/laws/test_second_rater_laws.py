"""The law of the second rater (DESIGN §3.5): written apart from the first, it comes to the same micro."""

from datetime import date
from fractions import Fraction
from functools import partial

from hypothesis import HealthCheck, given, settings, target
from hypothesis import strategies as st

from domain.pricing import MODELS, read_price
from invoicing.accrue_fees import differences as due_fees
from invoicing.recompute.adjusting import adjust
from invoicing.recompute.compare import differences
from invoicing.recompute.fees import fees_of_month
from invoicing.recompute.positions import recompute_totals
from invoicing.recompute.prices import event_micros, is_per_event, total_micros
from invoicing.recompute.spans import slots_for
from tests.law_examples import examples
from tests.laws import catalogues, price_documents
from tests.laws.fee_worlds import fee_worlds, nows
from tests.laws.two_raters import METER_FACTS, Catalogue, rated_by_the_first
from tests.memory_usage import MemoryUsage

MONTHS = [date(2025 + number // 12, number % 12 + 1, 1) for number in range(10, 32)]
"""All those in which a generated fee may fall due."""

quantities = st.one_of(st.integers(-5_000_000, 90_000_000), st.integers(0, 90).map(lambda units: units * 1_000_000))


@given(price_documents.of_totals, quantities)
def test_a_running_total_costs_the_same_in_fractions(document, quantity):
    first = read_price(document, path="price").amount_micros(quantity)
    assert total_micros(document, Fraction(quantity, 1_000_000)) == first


@given(price_documents.of_events, quantities)
def test_an_event_costs_the_same_in_fractions(document, quantity):
    first = read_price(document, path="price").amount_micros(quantity)
    assert event_micros(document, Fraction(quantity, 1_000_000)) == first


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(catalogues.worlds(), catalogues.usage(), st.lists(st.integers(0, 40), max_size=4))
def test_both_raters_come_to_the_same_books_from_any_catalogue_and_usage(customers, events, cuts):
    catalogue = Catalogue(customers)
    rated, booked = rated_by_the_first(events, catalogue.config(), cuts=cuts)
    months = sorted({key.service_month for key in booked.totals})
    slots = slots_for(catalogue.facts(), months, METER_FACTS)
    with MemoryUsage(rated).reading(slots.slots, slots.telling()) as usage:
        recomputed = recompute_totals(usage, slots.legend, [told.property for told in slots.telling()])
    adjust(recomputed, booked.totals)
    assert list(differences(recomputed, booked)) == []
    assert sum(total.events for total in recomputed.totals.values()) >= len(rated)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(fee_worlds(), nows)
def test_both_raters_come_to_the_same_fees_of_any_subscriptions_contracts_and_usage(world, now):
    first = {
        (key.service_month, key.charge_id, key.price_cell): tuple(fee)
        for key, fee in due_fees(world.for_the_first({}), now=now).items()
    }
    account, spent = world.for_the_second(), partial(world.counted().spent, 1)
    second = {
        (key.service_month, key.charge_id, key.cell): (fee.quantity_millionths, fee.amount_micros)
        for month in MONTHS
        for key, fee in fees_of_month(account, month, now=now, spent=spent).items()
    }
    # What a fee of nothing stands at is the same whether it is written down or not.
    assert {key: fee for key, fee in second.items() if fee != (0, 0)} == first
    target(len(first), label="fees that fell due")


def test_every_model_is_generated_here_and_known_to_the_second_rater():
    assert set(price_documents.BY_MODEL) == set(MODELS)
    assert {model for model in MODELS if is_per_event({"model": model})} == {m for m in MODELS if MODELS[m].per_event}
