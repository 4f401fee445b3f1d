"""A new price model is one file, one test file and one line: this is the file, and the line is in the fixture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain import pricing
from domain.errors import Faults, Invalid
from domain.fields import Fields
from domain.money import Currency
from domain.pricing.price_fields import (
    DECIMAL_SCHEMA,
    UNIT_PRICE_MAX,
    Corrections,
    price_schema,
    read_micros,
    written_decimal,
)
from domain.pricing.step import NOTHING_USED, Step
from tests.laws.prices import charges


@dataclass(frozen=True, slots=True)
class EveryOther:
    """The toy: of two whole units, one is free."""

    unit_price_micros: int
    corrections: Corrections = Corrections.REFUSED

    model: ClassVar[str] = "every_other"
    per_event: ClassVar[bool] = False
    schema: ClassVar[Mapping[str, Any]] = price_schema(
        "every_other", {"unit_price": DECIMAL_SCHEMA}, required=("unit_price",)
    )

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        faults = Faults()
        fields = Fields(document, path=path, faults=faults)
        fields.take("model")
        unit_price = read_micros(fields, "unit_price", most=UNIT_PRICE_MAX)
        fields.refuse_unknown()
        faults.refuse_if_any()
        return cls(unit_price or 0)

    def amount_micros(self, quantity_millionths: int) -> int:
        return max(quantity_millionths, 0) // 2_000_000 * self.unit_price_micros

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        paid = max(quantity_millionths, 0) // 2_000_000
        return (Step(f"{paid} of two", paid * self.unit_price_micros),) if paid else (NOTHING_USED,)

    def printed(self, currency: Currency) -> str:
        return "every other"

    def document(self) -> dict[str, Any]:
        return {"model": self.model, "unit_price": written_decimal(self.unit_price_micros)}


DOCUMENT = {"model": "every_other", "unit_price": "0.5"}


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(pricing.MODELS, "every_other", EveryOther)


def test_a_row_of_a_price_table_may_use_it():
    tariff = pricing.read_tariff({"when": {"channel": "sms"}, **DOCUMENT}, path="charge.price.rows[0]")
    assert tariff == EveryOther(500_000)
    assert tariff.amount_micros(5_000_000) == 1_000_000


def test_its_schema_stands_among_the_others():
    one_of = Draft202012Validator({"oneOf": pricing.price_schemas()})
    assert one_of.is_valid(DOCUMENT)
    assert not one_of.is_valid({**DOCUMENT, "every": 2})


def test_its_faults_are_collected_like_all_others_and_it_is_named_among_the_models():
    with pytest.raises(Invalid, match=r"price.unit_price: must be a decimal in quotes.*; price.every: unknown field"):
        pricing.read_price({"model": "every_other", "unit_price": 1, "every": 2}, path="price")
    with pytest.raises(Invalid, match=r"price.model: 'other' is not a price model; known are .*, every_other"):
        pricing.read_price({"model": "other"}, path="price")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 5_000_000), min_size=1, max_size=20))
def test_the_laws_of_prices_hold_for_it_too(quantities):
    price = pricing.read_price(DOCUMENT, path="price")
    total = sum(quantities)
    assert sum(charges(price, quantities)) == price.amount_micros(total)
    assert sum(step.amount_micros for step in price.explain(total)) == price.amount_micros(total)
    assert pricing.read_price(price.document(), path="price") == price
