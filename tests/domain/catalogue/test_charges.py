"""The catalogue: which price applies to an event, and which plan documents are refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import read_charge
from domain.errors import InvalidInput
from domain.pricing.per_unit import PerUnit
from tests.builders_usage import MATRIX, TIERS, a_charge


def cell_name(charge, **properties):
    cell = charge.cell_for(properties)
    return None if cell is None else cell.name


@pytest.mark.parametrize(
    ("properties", "cell"),
    [
        ({"channel": "sms", "country": "US"}, "sms/US"),
        ({"channel": "sms", "country": "IN"}, "sms/*"),
        ({"channel": "sms"}, "sms/*"),
        ({"channel": "voice", "country": "ID"}, "*/ID"),
        ({"channel": "sms", "country": "US", "operator": "any"}, "sms/US"),
        ({"channel": "voice"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_most_specific_row_wins(properties, cell):
    assert cell_name(a_charge(), **properties) == cell


def test_between_rows_as_specific_the_earlier_dimension_decides():
    assert cell_name(a_charge(), channel="sms", country="ID") == "sms/*"


@given(st.permutations(MATRIX["rows"]))
def test_the_order_of_rows_does_not_matter(rows):
    charge = a_charge(price={**MATRIX, "rows": rows})
    assert cell_name(charge, channel="sms", country="ID") == "sms/*"
    assert cell_name(charge, channel="sms", country="US") == "sms/US"


@pytest.mark.parametrize("value", [None, True, 1, Decimal("1.5"), "*", "SMS", "sms "], ids=repr)
def test_a_value_no_row_names_takes_the_row_for_any_value(value):
    rows = [{"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "1"}, {"model": "per_unit", "unit_price": "2"}]
    charge = a_charge(price={"model": "matrix", "dimensions": ["channel"], "rows": rows})
    assert charge.cell_for({"channel": value}).tariff == PerUnit(2_000_000)
    assert charge.cell_for({"channel": value}).name == "*"


def test_looking_up_twice_gives_the_same_cell_so_its_running_total_is_one():
    charge = a_charge()
    assert charge.cell_for({"channel": "sms"}) is charge.cell_for({"channel": "sms", "country": "IN"})


def test_more_distinct_values_than_are_remembered_are_still_priced():
    charge = a_charge()
    cells = {charge.cell_for({"channel": "sms", "country": f"country-{number}"}).name for number in range(10_100)}
    assert cells == {"sms/*"}


def test_a_price_without_dimensions_is_one_cell():
    assert cell_name(a_charge("voice.minutes", TIERS), channel="voice") == "*"


SMS_ROW = {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "1"}


def matrix(*rows, dimensions=("channel",)):
    return {"price": {"model": "matrix", "dimensions": list(dimensions), "rows": list(rows)}}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"meter": ""}, "charge.meter: must be a text"),
        ({"sac": 998319}, "charge.sac: must be a text"),
        ({"price": None}, "charge.price: must be a price model"),
        ({"price": {"model": "free"}}, "charge.price.model: 'free' is not a price model; known are per_unit, "),
        ({"price": {"model": ["per_unit"]}}, "charge.price.model:"),
        ({"price": {"model": "matrix", "dimensions": "channel", "rows": [SMS_ROW]}}, "charge.price.dimensions: must list"),
        ({"price": {"model": "matrix", "dimensions": [], "rows": [SMS_ROW]}}, "charge.price.dimensions: must list"),
        (matrix(), "charge.price.rows: needs at least one row"),
        (matrix("sms"), r"charge.price.rows\[0\]: must be a price model"),
        (matrix({**SMS_ROW, "when": None}), r"charge.price.rows\[0\]: must be a price model"),
        (matrix({**SMS_ROW, "when": {"channel": 5}}), r"charge.price.rows\[0\].when: values must be texts"),
        (matrix({**SMS_ROW, "when": {"channel": "a/b"}}), r"charge.price.rows\[0\].when: values must be texts without '/'"),
        (matrix({**SMS_ROW, "when": {"operator": "any"}}), r"rows\[0\].when.operator: not one of the dimensions channel"),
        (matrix(SMS_ROW, SMS_ROW), r"rows\[1\].when: the same values as an earlier row"),
        (matrix(SMS_ROW, {"unit_price": "1"}), r"rows\[1\].model: is missing; known are per_unit"),
        (matrix({**SMS_ROW, "unit_price": 1}), r"rows\[0\].unit_price: must be a decimal in quotes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_charge_that_cannot_be_read_names_the_field(changes, sentence):
    document = {"meter": "m", "description": "d", "sac": "s", "unit": "u", "price": SMS_ROW}
    with pytest.raises(InvalidInput, match=sentence):
        read_charge(1, {**document, **changes}, path="charge")


def test_a_charge_that_is_not_an_object_is_refused():
    with pytest.raises(InvalidInput, match=r"plan.charges\[0\]: must have a meter"):
        read_charge(1, "otp", path="plan.charges[0]")
