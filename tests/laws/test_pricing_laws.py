"""The laws of prices (DESIGN §3.5): charges telescope, tiers meet at their edges, and an explanation adds up."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from domain.pricing import read_price
from domain.pricing.graduated import Graduated
from domain.pricing.per_unit import PerUnit
from domain.pricing.stairstep import Stairstep, Steps
from domain.pricing.tiers import Tier
from domain.pricing.volume import Volume
from tests.laws import prices
from tests.laws.exact_prices import exact_price, rounded
from tests.laws.prices import UNIT, charges, quantities

events = st.lists(st.one_of(st.integers(0, 100).map(lambda units: units * UNIT), st.integers(0, 100 * UNIT)), max_size=30)
with_corrections = st.lists(st.integers(-60 * UNIT, 100 * UNIT), max_size=30)
cuts = st.lists(st.integers(0, 30), max_size=5)
any_total = st.one_of(quantities, st.integers(0, 10**18), st.integers(-(10**12), 0))


@given(prices.of_totals, events, st.randoms(use_true_random=False))
def test_the_sum_over_events_is_the_price_of_their_total_in_any_order(price, events, random):
    random.shuffle(events)
    assert sum(charges(price, events)) == (price.amount_micros(sum(events)) if events else 0)


@given(prices.of_totals, events, cuts)
def test_batches_however_cut_charge_what_their_events_do(price, events, where):
    edges = [0, *sorted(cut for cut in where if cut < len(events)), len(events)]
    batches = [sum(events[start:end]) for start, end in pairwise(edges)]
    assert sum(charges(price, batches)) == price.amount_micros(sum(events))


@given(prices.of_totals, with_corrections)
def test_corrections_telescope_too_and_a_total_below_zero_costs_what_no_usage_costs(price, events):
    assert sum(charges(price, events)) == (price.amount_micros(sum(events)) if events else 0)
    assert price.amount_micros(min(sum(events), 0)) == price.amount_micros(0)


@given(prices.of_any_kind, any_total)
def test_an_amount_is_the_exact_price_rounded_once(price, quantity):
    exact = exact_price(price, quantity)
    assert price.amount_micros(quantity) == rounded(exact)
    assert abs(price.amount_micros(quantity) - exact) <= Fraction(1, 2)


@given(prices.of_any_kind, any_total)
def test_an_explanation_adds_up_and_only_rounding_is_left_for_its_last_step(price, quantity):
    steps = price.explain(quantity)
    assert steps
    assert sum(step.amount_micros for step in steps) == price.amount_micros(quantity)
    residues = [step for step in steps if step.text.startswith("rounding")]
    assert residues in ([], [steps[-1]])
    assert all(2 * abs(step.amount_micros) <= len(steps) for step in residues)


@given(prices.of_any_kind)
def test_a_price_written_down_reads_back_as_itself(price):
    assert read_price(price.document(), path="price") == price
    assert hash(read_price(price.document(), path="price")) == hash(price)


@given(prices.rising, quantities, quantities)
def test_more_usage_never_costs_less_where_nothing_is_repriced(price, quantity, more):
    assert price.amount_micros(quantity + more) >= price.amount_micros(quantity)


@given(prices.graduated)
def test_tiers_meet_at_the_edge(price):
    """The last millionth of a tier costs that tier's price; the first above it the next one's, and its flat fee."""
    floor = 0
    for tier, above in pairwise(price.tiers):
        edge = price.free_units_millionths + tier.up_to_millionths
        at_edge = exact_price(price, edge)
        assert price.amount_micros(edge) == rounded(at_edge)
        if tier.up_to_millionths - floor > 1:
            assert at_edge - exact_price(price, edge - 1) == Fraction(tier.unit_price_micros, UNIT)
        assert exact_price(price, edge + 1) - at_edge == Fraction(above.unit_price_micros, UNIT) + above.flat_fee_micros
        floor = tier.up_to_millionths


@given(prices.unit_prices, prices.ends, any_total, prices.free_units)
def test_tiers_of_one_price_are_that_price(unit_price, tops, quantity, free):
    tiers = tuple(Tier(top, unit_price) for top in [*tops, None])
    flat = PerUnit(unit_price, free).amount_micros(quantity)
    assert Graduated(tiers, free_units_millionths=free).amount_micros(quantity) == flat
    assert Volume(tiers, free_units_millionths=free).amount_micros(quantity) == flat


@given(prices.stairstep, any_total)
def test_steps_are_tiers_that_cost_nothing_a_unit(price, quantity):
    """A step reached is a volume tier's flat fee; steps passed are graduated flat fees."""
    model = Graduated if price.steps is Steps.PASSED else Volume
    same = model(price.tiers, price.flat_at_zero, price.free_units_millionths)
    assert price.amount_micros(quantity) == same.amount_micros(quantity)


@given(prices.of_totals, quantities)
def test_free_units_shift_a_price_and_change_nothing_else(price, quantity):
    without = replace(price, free_units_millionths=0)
    free = price.free_units_millionths
    assert price.amount_micros(free + quantity) == without.amount_micros(quantity)
    assert price.amount_micros(min(quantity, free)) == without.amount_micros(0)


@given(prices.percentages(), events, st.randoms(use_true_random=False))
def test_percentages_are_a_sum_over_events_in_any_order(price, events, random):
    charged = [price.event_micros(event) for event in events]
    random.shuffle(events)
    assert sum(map(price.event_micros, events)) == sum(charged)
    assert all(charge >= price.minimum_micros for charge in charged)
    assert price.maximum_micros is None or all(charge <= price.maximum_micros for charge in charged)


@given(prices.percentages(), st.integers(1, 10**15))
def test_a_correction_takes_back_exactly_what_its_event_cost(price, amount):
    assert price.event_micros(amount) + price.event_micros(-amount) == 0


@given(prices.volume)
@example(Volume((Tier(5 * UNIT, 7_000_000), Tier(10 * UNIT, 6_500_000), Tier(None, 6_000_000))))
def test_volume_reprices_what_came_before_at_each_edge(price):
    """The event that reaches a cheaper tier costs what it adds less what all units before it save."""
    free = price.free_units_millionths
    for tier, above in pairwise(price.tiers):
        edge = tier.up_to_millionths
        saved = edge * (tier.unit_price_micros - above.unit_price_micros) + UNIT * (
            tier.flat_fee_micros - above.flat_fee_micros
        )
        step = price.amount_micros(free + edge + 1) - price.amount_micros(free + edge)
        assert abs(Fraction(above.unit_price_micros - saved, UNIT) - step) <= 1


def test_the_sixth_font_costs_more_than_nothing_and_the_eleventh_less():
    price = Volume((Tier(5 * UNIT, 7_000_000), Tier(10 * UNIT, 6_500_000), Tier(None, 3_000_000)))
    each = charges(price, [UNIT] * 11)
    assert each[5] == 4_000_000
    assert each[10] == -32_000_000
    assert sum(each) == 33_000_000


def test_a_step_that_costs_less_than_the_one_before_gives_back():
    price = Stairstep((Tier(10 * UNIT, 0, 50_000_000), Tier(None, 0, 20_000_000)))
    assert charges(price, [10 * UNIT, UNIT]) == [50_000_000, -30_000_000]
