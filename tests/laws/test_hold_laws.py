"""The law of holds: an event never costs more than was held for it, whatever was booked between answer and event."""

from hypothesis import given
from hypothesis import strategies as st

from domain.hold_amount import HORIZON_UNITS, dearest_micros
from tests.laws.prices import of_any_kind

UNIT = 1_000_000


@given(of_any_kind, st.integers(0, 3_000 * UNIT), st.integers(1, 500 * UNIT), st.integers(0, HORIZON_UNITS * UNIT))
def test_an_event_never_costs_more_than_was_held_whatever_came_between(price, used, quantity, moved):
    held = dearest_micros(price, quantity, used_millionths=used)
    start = used + moved
    if price.per_event:
        assert price.amount_micros(quantity) <= held
    else:
        assert price.amount_micros(start + quantity) - price.amount_micros(start) <= max(held, 1)


@given(of_any_kind, st.integers(1, 500 * UNIT))
def test_with_little_room_before_a_break_the_bound_still_holds(price, quantity):
    """Every break of the price, approached from all sides."""
    edges = [tier.up_to_millionths for tier in getattr(price, "tiers", ()) if tier.up_to_millionths is not None]
    free = getattr(price, "free_units_millionths", 0)
    for edge in edges:
        for start in (edge + free - quantity, edge + free - 1, edge + free):
            if start >= 0 and not price.per_event:
                held = dearest_micros(price, quantity, used_millionths=max(start - 5 * UNIT, 0))
                assert price.amount_micros(start + quantity) - price.amount_micros(start) <= max(held, 1)
