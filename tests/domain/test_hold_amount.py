"""The most a message can cost: never less than what its event turns out to cost, whatever came between."""

import pytest

from domain.hold_amount import HORIZON_UNITS, dearest_micros
from domain.pricing import read_tariff

UNIT = 1_000_000


def a_price(**document):
    return read_tariff(document, path="price")


PER_UNIT = a_price(model="per_unit", unit_price="0.1450")
GRADUATED = a_price(
    model="graduated",
    tiers=[{"up_to": 100, "unit_price": "0.20"}, {"up_to": 5_000, "unit_price": "0.35"}, {"unit_price": "0.10"}],
)


def test_a_price_per_unit_is_held_as_it_is_with_room_for_rounding():
    assert dearest_micros(PER_UNIT, 3 * UNIT, used_millionths=7 * UNIT) == 3 * 145_000 + 2


def test_a_dearer_tier_ahead_is_held_already():
    assert dearest_micros(GRADUATED, UNIT, used_millionths=99 * UNIT) == 350_000 + 2


def test_a_tier_that_is_left_behind_or_too_far_ahead_is_not():
    assert dearest_micros(GRADUATED, UNIT, used_millionths=6_000 * UNIT) == 100_000 + 2
    far = a_price(model="graduated", tiers=[{"up_to": HORIZON_UNITS * 3, "unit_price": "0.10"}, {"unit_price": "9.00"}])
    assert dearest_micros(far, UNIT, used_millionths=0) == 100_000 + 2


def test_what_is_free_holds_nothing():
    assert dearest_micros(a_price(model="per_unit", unit_price="0"), UNIT, used_millionths=0) == 0


@pytest.mark.parametrize("used", [-5, 0, 10**18])
def test_any_running_total_has_an_answer(used):
    assert dearest_micros(GRADUATED, UNIT, used_millionths=used) > 0
