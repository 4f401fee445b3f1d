"""Price tables of plan documents: a row for each combination of properties, none named twice, none ambiguous.

Of the rows that match an event the most specific one counts. Two rows that name equally many properties and can both match
one event are refused, unless a more specific row decides whenever both match.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from domain.catalogue.charges import ANY, SEPARATOR, Cell
from domain.fields import Fields, shown
from domain.plans.limits import AMBIGUITIES_SHOWN_MAX, COMPARISONS_MAX, DIMENSIONS_MAX, ROWS_MAX, VALUE_CHARACTERS_MAX
from domain.plans.plan_fields import is_name, is_value
from domain.pricing import read_price, read_tariff

Key = tuple[str, ...]


def read_cells(charge: Fields) -> tuple[Key, dict[Key, Cell]]:
    """`price` of a usage charge: its dimensions, and a cell for each of its rows. Without a matrix it is one cell."""
    price = charge.take("price")
    path = charge.at("price")
    if not isinstance(price, Mapping) or price.get("model") != "matrix":
        tariff = charge.faults.attempt(lambda: read_price(price, path=path)) if charge.is_object else None
        return (), {} if tariff is None else {(): Cell(ANY, tariff)}
    fields = Fields(price, path=path, faults=charge.faults)
    fields.take("model")
    dimensions = _read_dimensions(fields)
    rows = fields.rows("rows", most=ROWS_MAX, what="row")
    fields.refuse_unknown()
    return dimensions, _read_rows(fields, rows, dimensions)


def _read_dimensions(fields: Fields) -> Key:
    names: list[str] = []
    for number, name in enumerate(fields.rows("dimensions", most=DIMENSIONS_MAX, what="property name")):
        if not is_name(name):
            reason = f"must be the name of a property in visible ASCII characters, not {shown(name)}"
            fields.fault(f"dimensions[{number}]", reason)
        elif name in names:
            fields.fault(f"dimensions[{number}]", f"{name!r} is listed twice")
        else:
            names.append(name)
    return tuple(names)


def _read_rows(fields: Fields, rows: Sequence[Any], dimensions: Key) -> dict[Key, Cell]:
    cells: dict[Key, Cell] = {}
    numbers: dict[Key, int] = {}
    good: set[str] = set()
    for number, row in enumerate(rows):
        path = f"{fields.at('rows')}[{number}]"
        if not isinstance(row, Mapping):
            fields.faults.add(path, f"must be a price model with its values, e.g. when: {{channel: sms}}, not {shown(row)}")
            continue
        key = _read_key(fields, row, dimensions, path=path, good=good)
        tariff = fields.faults.attempt(lambda row=row, path=path: read_tariff(row, path=path))  # type: ignore[misc]
        if key is None:
            continue
        if key in numbers:
            fields.faults.add(f"{path}.when", f"the same values as rows[{numbers[key]}]: {words(dimensions, key)}")
            continue
        numbers[key] = number
        if tariff is not None:
            cells[key] = Cell(SEPARATOR.join(key), tariff)
    _refuse_ambiguous(fields, numbers, dimensions)
    return cells


def _read_key(fields: Fields, row: Mapping[Any, Any], dimensions: Key, *, path: str, good: set[str]) -> Key | None:
    """The values of a row by dimension. `good` are those looked at before, which come again in row after row."""
    when = row.get("when", {})
    if not isinstance(when, Mapping):
        fields.faults.add(f"{path}.when", f"must name properties and their values, e.g. {{channel: sms}}, not {shown(when)}")
        return None
    faultless = True
    for name, value in when.items():
        if name not in dimensions:
            fields.faults.add(_at(path, name), f"not one of the dimensions {', '.join(dimensions)}")
            faultless = False
        elif isinstance(value, str) and value in good:
            continue
        elif not is_value(value) or SEPARATOR in value:
            fields.faults.add(
                _at(path, name),
                f"must be a text without {SEPARATOR!r}, in quotes if need be, with no space around it and nothing in it that"
                f" does not show, not {shown(value)}",
            )
            faultless = False
        else:
            good.add(value)
    return tuple(when.get(name, ANY) for name in dimensions) if faultless else None


def _at(path: str, name: object) -> str:
    return f"{path}.when.{name[:VALUE_CHARACTERS_MAX] if isinstance(name, str) else shown(name)}"


def words(dimensions: Sequence[str], key: Key) -> str:
    """Values as a person reads them: "channel sms, country IN"."""
    named = [f"{name} {value}" for name, value in zip(dimensions, key, strict=True) if value != ANY]
    return ", ".join(named) or "anything"


def _refuse_ambiguous(fields: Fields, numbers: Mapping[Key, int], dimensions: Key) -> None:
    found = 0
    compared = 0
    for one, other in _rivals(numbers):
        compared += 1
        if compared > COMPARISONS_MAX:
            fields.fault("rows", "too many rows may match the same events: let them name the same dimensions")
            return
        both = tuple(b if a == ANY else a for a, b in zip(one, other, strict=True))
        if _is_decided(both, more_than=_named(one), among=numbers):
            continue
        found += 1
        if found > AMBIGUITIES_SHOWN_MAX:
            return
        first, second = sorted((numbers[one], numbers[other]))
        fields.fault(
            f"rows[{second}].when",
            f"an event with {words(dimensions, both)} matches this row and rows[{first}], which are equally specific:"
            " add a row for it",
        )


def _rivals(keys: Mapping[Key, int]) -> Iterator[tuple[Key, Key]]:
    """Pairs of keys that name equally many but different dimensions, and agree on those both name."""
    groups: dict[tuple[bool, ...], list[Key]] = {}
    for key in keys:
        groups.setdefault(tuple(part != ANY for part in key), []).append(key)
    for one, other in combinations(groups, 2):
        if sum(one) != sum(other):
            continue
        shared = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a and b]
        by_shared: dict[Key, list[Key]] = {}
        for key in groups[other]:
            by_shared.setdefault(tuple(key[place] for place in shared), []).append(key)
        for key in groups[one]:
            for rival in by_shared.get(tuple(key[place] for place in shared), ()):
                yield key, rival


def _named(key: Key) -> int:
    return sum(part != ANY for part in key)


def _is_decided(both: Key, *, more_than: int, among: Mapping[Key, int]) -> bool:
    """Whether a row that names more than `more_than` of these values matches whenever all of them do."""
    places = [place for place, part in enumerate(both) if part != ANY]
    for many in range(len(places), more_than, -1):
        for chosen in combinations(places, many):
            if tuple(part if place in chosen else ANY for place, part in enumerate(both)) in among:
                return True
    return False
