"""Prices: a price is a pure function from a running total to an amount; an event costs the difference it makes.

charge(event) = amount(total after) − amount(total before), rounded on the running total, so the sum over events is the
price of the sum, to the last micro, however they are batched (DESIGN §3.5). Only a price that is `per_event` prices each
event by itself, and its running amount is the sum of them. A new model is one file here and one line in `MODELS`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol, Self

from domain.errors import FieldError, Invalid
from domain.fields import shown
from domain.money import Currency
from domain.pricing.graduated import Graduated
from domain.pricing.package import Package
from domain.pricing.per_unit import PerUnit
from domain.pricing.percentage import Percentage
from domain.pricing.price_fields import Corrections
from domain.pricing.stairstep import Stairstep
from domain.pricing.step import Step
from domain.pricing.volume import Volume


class PriceModel(Protocol):
    """What every price model offers. Quantities are millionths of a unit, amounts micros of the currency unit."""

    model: ClassVar[str]
    """Its name in plan documents."""
    per_event: ClassVar[bool]
    """Whether each event is priced by itself; otherwise the running total is."""
    schema: ClassVar[Mapping[str, Any]]
    """JSON Schema of its document. What it refuses `read` refuses; `read` alone knows whether tiers rise."""

    @property
    def corrections(self) -> Corrections:
        """What an event with a negative quantity does; the rater asks, `amount_micros` prices any total."""

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From a plan document. Raises Invalid with every fault, each with its path."""

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total; where `per_event`, of one event. May fall as the total rises."""

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        """The arithmetic of `amount_micros`, at least one step; the steps add up to it exactly."""

    def printed(self, currency: Currency) -> str:
        """The price in the few characters an invoice line has for it."""

    def document(self) -> dict[str, Any]:
        """As a plan document has it, without defaults; reads back as an equal price."""


Tariff = PriceModel
"""A price of one running total, or of each event."""

MODELS: Final[dict[str, type[PriceModel]]] = {
    "per_unit": PerUnit,
    "package": Package,
    "graduated": Graduated,
    "volume": Volume,
    "stairstep": Stairstep,
    "percentage": Percentage,
}
"""Every price model there is, by its name in plan documents."""


def read_price(document: object, *, path: str) -> PriceModel:
    """A price from a plan document. Raises Invalid with every fault."""
    if not isinstance(document, Mapping):
        raise Invalid([FieldError(path, f"must be a price model, not {shown(document)}")])
    name = document.get("model")
    if not isinstance(name, str) or name not in MODELS:
        what = "is missing" if name is None else f"{shown(name)} is not a price model"
        raise Invalid([FieldError(f"{path}.model", f"{what}; known are {', '.join(MODELS)}")])
    return MODELS[name].read(document, path=path)


def read_tariff(document: Mapping[str, Any], *, path: str) -> PriceModel:
    """A price from the row of a price table, which also says `when` it is for. Raises Invalid with every fault."""
    return read_price({name: value for name, value in document.items() if name != "when"}, path=path)


def price_schemas() -> list[Mapping[str, Any]]:
    """The JSON Schemas of the documents of all models, for the `oneOf` of a plan's schema."""
    return [model.schema for model in MODELS.values()]
