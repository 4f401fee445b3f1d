"""Prices: a price is a pure function from a running total to an amount; an event costs the difference it makes.

charge(event) = amount(total after) − amount(total before), rounded on the running total, so the sum over events is the
price of the sum, to the last micro, however they are batched (DESIGN §3.5). A new model is one file here and one line
in `_MODELS`.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from domain.errors import InvalidInput
from domain.pricing.graduated import Graduated
from domain.pricing.per_unit import PerUnit

Tariff = PerUnit | Graduated
"""A price of one running total."""

_MODELS: Final[Mapping[str, type[PerUnit] | type[Graduated]]] = {"per_unit": PerUnit, "graduated": Graduated}


class Priced(Protocol):
    """What every price model offers."""

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros."""


def read_tariff(document: Mapping[str, Any], *, path: str) -> Tariff:
    """A tariff from a plan document. Raises InvalidInput naming the path and what is wrong."""
    model = document.get("model")
    if not isinstance(model, str) or model not in _MODELS:
        raise InvalidInput(f"{path}.model: {model!r} is not a price model; known are {', '.join(_MODELS)}")
    return _MODELS[model].read(document, path=path)
