"""Package: a price for each package of units, a started one counting as a whole one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from domain.errors import Faults
from domain.fields import Fields
from domain.money import Currency
from domain.pricing.price_fields import (
    AMOUNT_MAX,
    DECIMAL_SCHEMA,
    OPTION_SCHEMAS,
    QUANTITY_SCHEMA,
    Corrections,
    Options,
    price_schema,
    read_micros,
    read_options,
    read_quantity,
    written_decimal,
    written_quantity,
)
from domain.pricing.step import NOTHING_USED, Step, add_up, decimal_text, free_part, printed_price, units_text
from domain.usage import QUANTITY_SCALE


class Packages(StrEnum):
    """Which packages are counted."""

    STARTED = "started"
    """The first unit of a package brings its price."""
    COMPLETED = "completed"
    """Only a package used up brings its price."""


@dataclass(frozen=True, slots=True)
class Package:
    """A price for each package of the units that are not free, in micros a package."""

    package_size_millionths: int
    package_price_micros: int
    packages: Packages = Packages.STARTED
    free_units_millionths: int = 0
    corrections: Corrections = Corrections.REFUSED

    model: ClassVar[str] = "package"
    per_event: ClassVar[bool] = False
    schema: ClassVar[Mapping[str, Any]] = price_schema(
        "package",
        {
            "package_size": QUANTITY_SCHEMA,
            "package_price": DECIMAL_SCHEMA,
            "packages": {"description": "Whether a package counts once started or once used up.", "enum": [*Packages]},
            **OPTION_SCHEMAS,
        },
        required=("package_size", "package_price"),
    )

    @classmethod
    def read(cls, document: Mapping[str, Any], *, path: str) -> Self:
        """From {"model": "package", "package_size": 100, "package_price": "5.00"}. Raises Invalid with every fault."""
        faults = Faults()
        fields = Fields(document, path=path, faults=faults)
        fields.take("model")
        size = read_quantity(fields, "package_size", least_millionths=1)
        price = read_micros(fields, "package_price", most=AMOUNT_MAX)
        packages = fields.choice("packages", [*Packages], default=Packages.STARTED)
        options = read_options(fields)
        fields.refuse_unknown()
        faults.refuse_if_any()
        return cls(size or 1, price or 0, Packages(packages or Packages.STARTED), *options)

    def amount_micros(self, quantity_millionths: int) -> int:
        """The price of a running total, in micros."""
        return self._count(quantity_millionths) * self.package_price_micros

    def _count(self, quantity_millionths: int) -> int:
        priced = quantity_millionths - self.free_units_millionths
        if priced <= 0:
            return 0
        if self.packages is Packages.STARTED:
            return -(-priced // self.package_size_millionths)
        return priced // self.package_size_millionths

    def explain(self, quantity_millionths: int) -> tuple[Step, ...]:
        """The arithmetic of `amount_micros`; the steps add up to it."""
        if quantity_millionths <= 0:
            return (NOTHING_USED,)
        parts = free_part(quantity_millionths, self.free_units_millionths)
        priced = quantity_millionths - self.free_units_millionths
        if priced > 0:
            count = self._count(quantity_millionths)
            into = f"{units_text(priced)} in packages of {units_text(self.package_size_millionths)}"
            text = f"{into}, {count:,} {self.packages}: {count:,} × {decimal_text(self.package_price_micros)}"
            parts.append((text, count * self.package_price_micros * QUANTITY_SCALE))
        return add_up(self.amount_micros(quantity_millionths), parts)

    def printed(self, currency: Currency) -> str:
        """The price of a package as an invoice line has it: ₹5.00 per 100."""
        price = printed_price(self.package_price_micros, currency, decimals_min=2)
        return f"{price} per {units_text(self.package_size_millionths)}"

    def document(self) -> dict[str, Any]:
        """As a plan document has it; reads back as this price."""
        return {
            "model": self.model,
            "package_size": written_quantity(self.package_size_millionths),
            "package_price": written_decimal(self.package_price_micros),
            **({} if self.packages is Packages.STARTED else {"packages": str(self.packages)}),
            **Options(self.free_units_millionths, self.corrections).document(),
        }
