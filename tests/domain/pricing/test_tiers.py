"""Tiers: they meet, rise, and only the last is open; what does not fit is refused by name, all of it at once."""

import pytest

from domain.errors import Invalid
from domain.fields import shown
from domain.pricing import read_price
from domain.pricing.graduated import Graduated
from domain.pricing.tiers import Tier

LAST = {"unit_price": "1"}
MOST = 1_000_000_000_000


def refused(*tiers, model="graduated", **options):
    """What is wrong with a price of these tiers."""
    with pytest.raises(Invalid) as error:
        read_price({"model": model, "tiers": list(tiers), **options}, path="price")
    return [str(fault).removeprefix("price.") for fault in error.value.errors]


def test_ends_may_be_decimals_and_may_say_again_where_they_begin():
    tiers = [
        {"up_to": "0.5", "unit_price": "1"},
        {"above": "0.5", "up_to": 10, "unit_price": "0.5", "flat_fee": "2.50"},
        {"above": "10.0", "flat_fee": "3"},
    ]
    assert read_price({"model": "graduated", "tiers": tiers}, path="price") == Graduated(
        (Tier(500_000, 1_000_000), Tier(10_000_000, 500_000, 2_500_000), Tier(None, 0, 3_000_000))
    )


@pytest.mark.parametrize(
    ("above", "sentence"),
    [
        (5, "tiers[1].above: '5' overlaps the tier before: write 10, or leave `above` out"),
        (11, "tiers[1].above: '11' leaves a gap after the tier before: write 10, or leave `above` out"),
        (10.0, 'tiers[1].above: must be a whole number, or a decimal in quotes, e.g. "0.5", not 10.0'),
    ],
    ids=shown,
)
def test_an_overlap_and_a_gap_are_named(above, sentence):
    assert refused({"up_to": 10, "unit_price": "1"}, {"above": above, "unit_price": "1"}) == [sentence]


def test_the_first_tier_begins_at_nought():
    assert refused({"above": 1, "unit_price": "1"}) == [
        "tiers[0].above: '1' leaves a gap after the tier before: write 0, or leave `above` out"
    ]


def test_every_fault_of_every_tier_is_named_at_once():
    assert refused(
        {"up_to": 10, "unit_price": "-1"},
        {"up_to": 5, "unit_price": 0.1},
        "cheap",
        {"up_to": True, "unit_price": "0.1234567"},
        {"up_to": 7, "price": "1"},
        free_units="many",
        corrections="maybe",
        flat_at_zero="yes",
        flat_fee="1",
    ) == [
        "tiers[0].unit_price: must not be negative, and is '-1': what lowers a bill is an adjustment",
        "tiers[1].up_to: must be above 10, where the tier before ends: put the tiers in rising order",
        'tiers[1].unit_price: must be a decimal in quotes, e.g. "0.1450", not 0.1',
        "tiers[2]: must be an object with named fields, not 'cheap'",
        'tiers[3].up_to: must be a whole number, or a decimal in quotes, e.g. "0.5", not true',
        "tiers[3].unit_price: '0.1234567' has 7 decimals: at most 6 are priced",
        "tiers[4].up_to: every tier but the last has an end, and the last has none",
        'tiers[4].unit_price: must be a decimal in quotes, e.g. "0.1450"; it is missing',
        "tiers[4].price: unknown field; known are above, flat_fee, unit_price, up_to",
        "flat_at_zero: must be true or false, not 'yes'",
        "free_units: 'many' is not a decimal like \"0.1450\", of at most 6 places",
        "corrections: must be one of refused, reprice, not 'maybe'",
        "flat_fee: unknown field; known are corrections, flat_at_zero, free_units, model, tiers",
    ]


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (0, f"must be between 0.000001 and {MOST:,}, not 0"),
        (-5, f"must be between 0.000001 and {MOST:,}, not -5"),
        (MOST + 1, f"must be between 0.000001 and {MOST:,}, not {MOST + 1}"),
        (10**5_000, f"must be between 0.000001 and {MOST:,}, not a number of more than 38 digits"),
        ("0", f"must be between 0.000001 and {MOST:,}, not '0'"),
        ("-1", "must not be negative, and is '-1'"),
        ("1e3", "'1e3' is not a decimal like \"0.1450\", of at most 6 places"),
        ("NaN", "'NaN' is not a decimal like \"0.1450\", of at most 6 places"),
        ("inf", "'inf' is not a decimal like \"0.1450\", of at most 6 places"),
        ("0.0000001", "'0.0000001' has 7 decimals: at most 6 are priced"),
        ("9" * 100_000, f"must be between 0 and {MOST:,}, not '{'9' * 60}'…"),
        (float("nan"), 'must be a whole number, or a decimal in quotes, e.g. "0.5", not nan'),
        (float("inf"), 'must be a whole number, or a decimal in quotes, e.g. "0.5", not inf'),
        ([], 'must be a whole number, or a decimal in quotes, e.g. "0.5", not a list'),
    ],
    ids=shown,
)
def test_an_end_that_is_no_quantity_is_refused_by_name(end, sentence):
    assert refused({"up_to": end, "unit_price": "1"}, LAST) == [f"tiers[0].up_to: {sentence}"]


def test_a_step_has_a_fee_and_no_unit_price():
    assert refused({"up_to": 5, "flat_fee": "1", "unit_price": "1"}, {}, model="stairstep", steps="all") == [
        "tiers[0].unit_price: unknown field; known are above, flat_fee, up_to",
        'tiers[1].flat_fee: must be a decimal in quotes, e.g. "0.1450"; it is missing',
        "steps: must be one of reached, passed, not 'all'",
    ]


def test_more_tiers_than_anybody_reads_are_refused():
    many = [{"up_to": number + 1, "unit_price": "1"} for number in range(1_000)]
    assert refused(*many, LAST) == ["tiers: has 1,001 entries, at most 1,000 are read: join some"]


@pytest.mark.parametrize("model", ["graduated", "volume", "stairstep"])
def test_no_tiers_are_refused(model):
    assert refused(model=model) == ["tiers: needs at least one tier"]
