"""The law of prices (DESIGN §3.5): charges telescope, and tiers meet at their edges."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.pricing.graduated import Graduated, Tier
from domain.pricing.per_unit import PerUnit
from tests.laws.exact_prices import exact_price, rounded

unit_prices = st.integers(0, 10_000_000)
ends = st.lists(st.integers(1, 500), min_size=0, max_size=4, unique=True).map(sorted)


@st.composite
def graduated_prices(draw):
    """Tiers with ends in rising order, the last without one."""
    tops = [*draw(ends), None]
    return Graduated(tuple(Tier(top and top * 1_000_000, draw(unit_prices)) for top in tops))


prices = st.one_of(st.builds(PerUnit, unit_prices), graduated_prices())
quantities = st.lists(st.integers(0, 400_000_000), max_size=30)


@given(prices, quantities, st.randoms(use_true_random=False))
def test_the_sum_over_events_is_the_price_of_their_total_in_any_order(price, events, random):
    random.shuffle(events)
    charged, total = 0, 0
    for quantity in events:
        charged += price.amount_micros(total + quantity) - price.amount_micros(total)
        total += quantity
    assert charged == price.amount_micros(total)


@given(prices, st.integers(0, 10**12))
def test_an_amount_is_the_exact_price_rounded_once(price, quantity):
    exact = exact_price(price, quantity)
    assert price.amount_micros(quantity) == rounded(exact)
    assert abs(price.amount_micros(quantity) - exact) <= Fraction(1, 2)


@given(graduated_prices())
def test_tiers_meet_at_the_edge(price):
    for number, tier in enumerate(price.tiers[:-1]):
        edge = tier.up_to_millionths
        below = exact_price(price, edge) - exact_price(price, edge - 1_000_000)
        above = exact_price(price, edge + 1_000_000) - exact_price(price, edge)
        assert price.amount_micros(edge) == exact_price(price, edge)
        assert (below, above) == (tier.unit_price_micros, price.tiers[number + 1].unit_price_micros)


@given(unit_prices, ends, st.integers(0, 10**12))
def test_tiers_of_one_price_are_that_price(unit_price, tops, quantity):
    tiered = Graduated(tuple(Tier(top and top * 1_000_000, unit_price) for top in [*tops, None]))
    assert tiered.amount_micros(quantity) == PerUnit(unit_price).amount_micros(quantity)
