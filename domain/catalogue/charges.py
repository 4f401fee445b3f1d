"""Usage charges: the meters one prices, and its price as a table of cells.

A cell is one tariff for each combination of the properties a price looks at (channel × country, say), "*" standing for
any value; the most specific row wins. Each cell has its own running total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.catalogue.meters import Meter, sum_meter
from domain.errors import InvalidInput
from domain.pricing import Tariff, read_tariff

ANY: Final = "*"
SEPARATOR: Final = "/"
UNDER: Final = "//"
"""Between a price cell and each adjustment its usage is under: no value of a row is empty, so no cell has it."""
_Option = TypeVar("_Option", bound=StrEnum)


class Reset(StrEnum):
    """How long a price counts before it begins anew."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    NEVER = "never"


class Sharing(StrEnum):
    """Whose usage a price counts together."""

    ACCOUNT = "account"
    ACCOUNT_TREE = "account_tree"
    """That of all accounts below the same topmost account that have this charge."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One price: the values it is for, joined by "/", and its tariff."""

    name: str
    tariff: Tariff


@dataclass(slots=True)
class Charge:
    """The price of one or more meters in one plan version or contract. Several meters have one running total."""

    charge_id: int
    code: str
    meters: tuple[Meter, ...]
    description: str
    sac: str
    unit: str
    dimensions: tuple[str, ...]
    cells: dict[tuple[str, ...], Cell]
    reset: Reset = Reset.MONTH
    shared: Sharing = Sharing.ACCOUNT
    leaves_unused_free: bool = False
    """Published when a month without usage was left at nothing, whatever the price says of no usage: it still is."""

    @property
    def meter(self) -> str:
        """The code of its first meter."""
        return self.meters[0].code

    def cell_for(self, properties: Mapping[str, object]) -> Cell | None:
        """The most specific cell for an event's properties, or None when no row matches."""
        texts = (properties.get(name) for name in self.dimensions)
        values = [text if isinstance(text, str) else ANY for text in texts]
        matching = [key for key in self.cells if all(part in (ANY, value) for part, value in zip(key, values, strict=True))]
        if not matching:
            return None
        # More named values first; between equals the earlier dimension decides, so the winner is always the same.
        best = max(matching, key=lambda key: (sum(part != ANY for part in key), [part != ANY for part in key]))
        return self.cells[best]

    def cell_named(self, price_cell: str) -> tuple[Cell, tuple[str, ...]] | None:
        """The cell a running total names, and the adjustments its usage was under (domain/catalogue/effective_plan.py)."""
        name, *adjustments = price_cell.split(UNDER)
        key = tuple(name.split(SEPARATOR)) if self.dimensions else ()
        cell = self.cells.get(key)
        return None if cell is None else (cell, tuple(adjustments))


def read_charge(
    charge_id: int, document: Mapping[str, Any], *, path: str, meters: Mapping[str, Meter] | None = None
) -> Charge:
    """A usage charge from a plan document; `meters` are the known ones by code.

    Without them, and for a code not among them, a meter is taken to sum up the event type of its name.
    Raises InvalidInput naming the path and what is wrong.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{path}: must have a meter, description, sac, unit and price")
    codes = _read_meter_codes(document, path=path)
    for name in ("description", "sac", "unit"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise InvalidInput(f"{path}.{name}: must be a text")
    code = document.get("code", codes[0])
    if not isinstance(code, str) or not code:
        raise InvalidInput(f"{path}.code: must be a text")
    dimensions, cells = _read_price(document.get("price"), path=f"{path}.price")
    known = meters or {}
    return Charge(
        charge_id,
        code,
        tuple(known.get(meter) or sum_meter(meter) for meter in codes),
        document["description"],
        document["sac"],
        document["unit"],
        dimensions,
        cells,
        read_option(document, "reset", among=Reset, path=path),
        read_option(document, "shared", among=Sharing, path=path),
        document.get("without_usage") == "nothing",
    )


def read_option(document: Mapping[str, Any], name: str, *, among: type[_Option], path: str) -> _Option:
    """A named option; the first is the default. Raises InvalidInput for any other value."""
    value = document.get(name)
    if value is None:
        return next(iter(among))
    if value not in list(among):
        raise InvalidInput(f"{path}.{name}: {value!r} is not one of {', '.join(among)}")
    return among(value)


def _read_meter_codes(document: Mapping[str, Any], *, path: str) -> Sequence[str]:
    codes = document.get("meters")
    if codes is None:
        code = document.get("meter")
        if not isinstance(code, str) or not code:
            raise InvalidInput(f"{path}.meter: must be a text")
        return (code,)
    if not isinstance(codes, list) or not codes or not all(isinstance(code, str) and code for code in codes):
        raise InvalidInput(f'{path}.meters: must list the codes of meters, e.g. ["otp"]')
    return codes


def _read_price(price: object, *, path: str) -> tuple[tuple[str, ...], dict[tuple[str, ...], Cell]]:
    if not isinstance(price, Mapping):
        raise InvalidInput(f"{path}: must be a price model")
    if price.get("model") != "matrix":
        return (), {(): Cell(ANY, read_tariff(price, path=path))}
    dimensions = price.get("dimensions")
    if not isinstance(dimensions, list) or not dimensions or not all(isinstance(name, str) for name in dimensions):
        raise InvalidInput(f'{path}.dimensions: must list property names, e.g. ["channel", "country"]')
    return tuple(dimensions), _read_cells(price.get("rows"), dimensions, path=f"{path}.rows")


def _read_cells(rows: object, dimensions: Sequence[str], *, path: str) -> dict[tuple[str, ...], Cell]:
    if not isinstance(rows, list) or not rows:
        raise InvalidInput(f"{path}: needs at least one row")
    cells: dict[tuple[str, ...], Cell] = {}
    for number, row in enumerate(rows):
        where = f"{path}[{number}]"
        if not isinstance(row, Mapping) or not isinstance(row.get("when", {}), Mapping):
            raise InvalidInput(f'{where}: must be a price model with its values, e.g. when: {{"channel": "sms"}}')
        key = tuple(row.get("when", {}).get(name, ANY) for name in dimensions)
        if not all(isinstance(part, str) and part and SEPARATOR not in part for part in key):
            raise InvalidInput(f"{where}.when: values must be texts without '/', and not empty")
        unknown = sorted(set(row.get("when", {})) - set(dimensions))
        if unknown:
            raise InvalidInput(f"{where}.when.{unknown[0]}: not one of the dimensions {', '.join(dimensions)}")
        if key in cells:
            raise InvalidInput(f"{where}.when: the same values as an earlier row")
        cells[key] = Cell(SEPARATOR.join(key), read_tariff(row, path=where))
    return cells
