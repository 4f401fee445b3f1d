"""Prices of every model with every option, as hypothesis draws them, and what a price charges event by event."""

from hypothesis import strategies as st

from domain.pricing.graduated import Graduated
from domain.pricing.package import Package, Packages
from domain.pricing.per_unit import PerUnit
from domain.pricing.percentage import Percentage
from domain.pricing.price_fields import Corrections
from domain.pricing.stairstep import Stairstep, Steps
from domain.pricing.tiers import Tier
from domain.pricing.volume import Volume

UNIT = 1_000_000

unit_prices = st.one_of(st.integers(0, 10), st.integers(0, 10_000_000))
fees = st.one_of(st.just(0), st.integers(1, 500_000_000))
free_units = st.one_of(st.just(0), st.integers(1, 200).map(lambda units: units * UNIT), st.integers(0, 200 * UNIT))
corrections = st.sampled_from(Corrections)
bounds = st.one_of(st.integers(1, 500).map(lambda units: units * UNIT), st.integers(1, 500 * UNIT))
ends = st.lists(bounds, max_size=5, unique=True).map(sorted)
quantities = st.one_of(st.integers(0, 600).map(lambda units: units * UNIT), st.integers(0, 600 * UNIT))
"""Around the tiers drawn here; whole ones often, because edges are."""


@st.composite
def tiers(draw, unit_prices=unit_prices):
    """Tiers with ends in rising order, the last without one."""
    return tuple(Tier(end, draw(unit_prices), draw(fees)) for end in [*draw(ends), None])


steps = tiers(st.just(0))
per_unit = st.builds(PerUnit, unit_prices, free_units, corrections)
package = st.builds(Package, bounds, fees, st.sampled_from(Packages), free_units, corrections)
graduated = st.builds(Graduated, tiers(), st.booleans(), free_units, corrections)
volume = st.builds(Volume, tiers(), st.booleans(), free_units, corrections)
stairstep = st.builds(Stairstep, steps, st.sampled_from(Steps), st.booleans(), free_units, corrections)


@st.composite
def percentages(draw):
    """A percentage with bounds that do not contradict each other."""
    minimum, more = draw(st.one_of(st.just(0), st.integers(1, 50_000_000))), draw(st.integers(0, 50_000_000))
    maximum = minimum + more if draw(st.booleans()) else None
    return Percentage(draw(st.integers(0, 100_000_000)), draw(fees), minimum, maximum, draw(corrections))


rising = st.one_of(per_unit, package, graduated)
"""Prices of which more never costs less."""
of_totals = st.one_of(per_unit, package, graduated, volume, stairstep)
of_any_kind = st.one_of(of_totals, percentages())


def charges(price, events):
    """What each event costs: the difference it makes to what its running total had cost."""
    charged, quantity, before = [], 0, 0
    for event in events:
        quantity += event
        after = price.amount_micros(quantity)
        charged.append(after - before)
        before = after
    return charged
