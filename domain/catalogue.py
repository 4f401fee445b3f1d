"""Plans, charges and their price cells: which tariff applies to an event.

A charge prices one meter. Its price is a table of *cells*: one tariff for each combination of the properties it looks
at (channel × country, say), "*" standing for any value; the most specific row wins. Each cell has its own running total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import InvalidInput
from domain.money import Currency
from domain.pricing import Tariff, read_tariff

ANY = "*"


@dataclass(frozen=True, slots=True)
class Cell:
    """One price: the values it is for, joined by "/", and its tariff."""

    name: str
    tariff: Tariff


@dataclass(slots=True)
class Charge:
    """The price of one meter in one plan version."""

    charge_id: int
    meter: str
    description: str
    sac: str
    unit: str
    dimensions: tuple[str, ...]
    cells: dict[tuple[str, ...], Cell]
    _seen: dict[tuple[object, ...], Cell | None] = field(default_factory=dict)

    def cell_for(self, properties: Mapping[str, object]) -> Cell | None:
        """The most specific cell for an event's properties, or None when no row matches."""
        values = tuple(map(properties.get, self.dimensions))
        try:
            return self._seen[values]
        except KeyError:
            cell = self._most_specific(tuple(v if isinstance(v, str) else ANY for v in values))
            if len(self._seen) < _SEEN_MAX:
                self._seen[values] = cell
            return cell

    def _most_specific(self, values: tuple[str, ...]) -> Cell | None:
        matching = [key for key in self.cells if all(part in (ANY, value) for part, value in zip(key, values, strict=True))]
        if not matching:
            return None
        # More named values first; between equals the earlier dimension decides, so the winner is always the same.
        best = max(matching, key=lambda key: (sum(part != ANY for part in key), [part != ANY for part in key]))
        return self.cells[best]


_SEEN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One published version of a plan: never edited once it has billed (DESIGN §3.6)."""

    plan_version_id: int
    label: str
    """As printed on lines: "otp-india v1"."""
    currency: Currency
    charges: dict[str, Charge]
    """By meter."""


def read_charge(charge_id: int, document: Mapping[str, Any], *, path: str) -> Charge:
    """A charge from a plan document. Raises InvalidInput naming the path and what is wrong."""
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{path}: must have a meter, description, sac, unit and price")
    for name in ("meter", "description", "sac", "unit"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise InvalidInput(f"{path}.{name}: must be a text")
    price = document.get("price")
    if not isinstance(price, Mapping):
        raise InvalidInput(f"{path}.price: must be a price model")
    if price.get("model") != "matrix":
        dimensions: tuple[str, ...] = ()
        cells: dict[tuple[str, ...], Cell] = {(): Cell(ANY, read_tariff(price, path=f"{path}.price"))}
    else:
        dimensions = _read_dimensions(price, path=f"{path}.price")
        cells = _read_cells(price.get("rows"), dimensions, path=f"{path}.price.rows")
    return Charge(
        charge_id,
        document["meter"],
        document["description"],
        document["sac"],
        document["unit"],
        dimensions,
        cells,
    )


def _read_dimensions(price: Mapping[str, Any], *, path: str) -> tuple[str, ...]:
    dimensions = price.get("dimensions")
    if not isinstance(dimensions, list) or not dimensions or not all(isinstance(name, str) for name in dimensions):
        raise InvalidInput(f'{path}.dimensions: must list property names, e.g. ["channel", "country"]')
    return tuple(dimensions)


def _read_cells(rows: object, dimensions: Sequence[str], *, path: str) -> dict[tuple[str, ...], Cell]:
    if not isinstance(rows, list) or not rows:
        raise InvalidInput(f"{path}: needs at least one row")
    cells: dict[tuple[str, ...], Cell] = {}
    for number, row in enumerate(rows):
        where = f"{path}[{number}]"
        if not isinstance(row, Mapping) or not isinstance(row.get("when", {}), Mapping):
            raise InvalidInput(f'{where}: must be a price model with its values, e.g. when: {{"channel": "sms"}}')
        key = tuple(row.get("when", {}).get(name, ANY) for name in dimensions)
        if not all(isinstance(part, str) and "/" not in part for part in key):
            raise InvalidInput(f"{where}.when: values must be texts without '/'")
        unknown = sorted(set(row.get("when", {})) - set(dimensions))
        if unknown:
            raise InvalidInput(f"{where}.when.{unknown[0]}: not one of the dimensions {', '.join(dimensions)}")
        if key in cells:
            raise InvalidInput(f"{where}.when: the same values as an earlier row")
        cells[key] = Cell("/".join(key), read_tariff(row, path=where))
    return cells
