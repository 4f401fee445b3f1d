"""Fields of a price document: exact decimals of at most 6 places, quantities, the options every price has; and their schema.

Prices are read as whole micros, quantities as whole millionths of a unit. No binary fraction is accepted anywhere: a
decimal stands in quotes. Each reader here has its JSON Schema beside it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from domain.fields import Fields, but_is, shown
from domain.usage import QUANTITY_SCALE

UNIT_PRICE_MAX: Final = 1_000_000
"""Currency units a unit may cost: at the largest quantity of an event the amount still fits the books."""
AMOUNT_MAX: Final = 10_000_000_000
"""Currency units a flat fee, a package or a bound may be."""
QUANTITY_MAX: Final = 1_000_000_000_000
"""Units a tier's end, a package or the free units may be."""

_DECIMAL: Final = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_NEGATIVE: Final = re.compile(r"-[0-9]+(?:\.[0-9]+)?")
_DIGITS_MAX: Final = 13
_PLACES: Final = 6
_PLAIN: Final = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,6}))?")
_PLAIN_FIELDS: Final = 2

DECIMAL_SCHEMA: Final[Mapping[str, Any]] = {
    "description": "An exact decimal in quotes, at most 6 places.",
    "type": "string",
    "pattern": r"^[0-9]{1,13}(\.[0-9]{1,6})?$",
}
QUANTITY_SCHEMA: Final[Mapping[str, Any]] = {
    "description": "Units: a whole number, or a decimal in quotes of at most 6 places.",
    "anyOf": [{"type": "integer", "minimum": 0, "maximum": QUANTITY_MAX}, DECIMAL_SCHEMA],
}


class Corrections(StrEnum):
    """What an event with a negative quantity does."""

    REFUSED = "refused"
    """It is not rated: this price does not go back."""
    REPRICE = "reprice"
    """It lowers the running total, which is priced anew; a total below zero costs what no usage costs."""


_CORRECTIONS: Final = (*Corrections,)
OPTION_SCHEMAS: Final[Mapping[str, Any]] = {
    "free_units": {"description": "The first units of the running total that cost nothing.", **QUANTITY_SCHEMA},
    "corrections": {"description": "What an event with a negative quantity does.", "enum": [*Corrections]},
}


class Options(NamedTuple):
    """What every price of a running total has."""

    free_units_millionths: int
    corrections: Corrections

    def document(self) -> dict[str, Any]:
        """Those that are not the default."""
        document: dict[str, Any] = {}
        if self.free_units_millionths:
            document["free_units"] = written_quantity(self.free_units_millionths)
        return document | written_corrections(self.corrections)


_DEFAULTS: Final = Options(0, Corrections.REFUSED)
_OPTION_NAMES: Final = frozenset(OPTION_SCHEMAS)


def read_options(fields: Fields) -> Options:
    """`free_units` (default 0) and `corrections` (default refused)."""
    if fields.lacks(_OPTION_NAMES):
        return _DEFAULTS
    free = read_quantity(fields, "free_units", least_millionths=0, default=0)
    return Options(free or 0, read_corrections(fields))


def read_corrections(fields: Fields) -> Corrections:
    """`corrections`, refused unless the document says otherwise."""
    chosen = fields.choice("corrections", _CORRECTIONS, default=Corrections.REFUSED)
    return Corrections(chosen) if chosen is not None else Corrections.REFUSED


def written_corrections(corrections: Corrections) -> dict[str, Any]:
    """The field as a document has it; nothing for the default."""
    return {} if corrections is Corrections.REFUSED else {"corrections": str(corrections)}


def read_micros(fields: Fields, name: str, *, most: int, default: int | None = None) -> int | None:
    """A price in micros: a decimal text from 0 to `most` currency units. Without a default it is required."""
    value = fields.take(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        fields.fault(name, f'must be a decimal in quotes, e.g. "0.1450"{but_is(value)}')
        return None
    return _read_decimal(fields, name, value, most=most, below_zero=": what lowers a bill is an adjustment")


def plain_micros(document: Mapping[str, Any], name: str, *, most: int) -> int | None:
    """The price of a document that holds a model, this field and nothing else; None when there is anything to look at.

    So are nearly all rows of a price table, which may have thousands.
    """
    text = document.get(name)
    matched = _PLAIN.fullmatch(text) if len(document) == _PLAIN_FIELDS and type(text) is str else None
    if matched is None or "model" not in document:
        return None
    micros = int(matched[1] + (matched[2] or "").ljust(_PLACES, "0"))
    return micros if micros <= most * QUANTITY_SCALE else None


def read_quantity(fields: Fields, name: str, *, least_millionths: int, default: int | None = None) -> int | None:
    """Units in millionths: a whole number, or a decimal text. Without a default it is required."""
    value = fields.take(name)
    if value is None and default is not None:
        return default
    if type(value) is int:
        millionths: int | None = value * QUANTITY_SCALE
    elif isinstance(value, str):
        millionths = _read_decimal(fields, name, value, most=QUANTITY_MAX)
    else:
        fields.fault(name, f'must be a whole number, or a decimal in quotes, e.g. "0.5"{but_is(value)}')
        return None
    if millionths is not None and not least_millionths <= millionths <= QUANTITY_MAX * QUANTITY_SCALE:
        least = written_decimal(least_millionths)
        fields.fault(name, f"must be between {least} and {QUANTITY_MAX:,}, not {shown(value)}")
        return None
    return millionths


def _read_decimal(fields: Fields, name: str, text: str, *, most: int, below_zero: str = "") -> int | None:
    matched = _DECIMAL.fullmatch(text)
    if matched is None:
        if _NEGATIVE.fullmatch(text):
            fields.fault(name, f"must not be negative, and is {shown(text)}{below_zero}")
        else:
            fields.fault(name, f'{shown(text)} is not a decimal like "0.1450", of at most {_PLACES} places')
        return None
    whole, places = matched[1], matched[2] or ""
    if len(places) > _PLACES:
        fields.fault(name, f"{shown(text)} has {len(places)} decimals: at most {_PLACES} are priced")
        return None
    # The length first: thousands of digits would take long to convert only to be refused.
    millionths = int(whole + places.ljust(_PLACES, "0")) if len(whole) <= _DIGITS_MAX else None
    if millionths is None or millionths > most * QUANTITY_SCALE:
        fields.fault(name, f"must be between 0 and {most:,}, not {shown(text)}")
        return None
    return millionths


def written_decimal(millionths: int, *, places_min: int = 0) -> str:
    """The decimal text that reads as this: "0.145"."""
    whole, rest = divmod(millionths, QUANTITY_SCALE)
    places = f"{rest:06d}".rstrip("0").ljust(places_min, "0")
    return f"{whole}.{places}" if places else str(whole)


def written_quantity(millionths: int) -> int | str:
    """The quantity as a document has it: a whole number where it is one."""
    whole, rest = divmod(millionths, QUANTITY_SCALE)
    return written_decimal(millionths) if rest else whole


def price_schema(model: str, properties: Mapping[str, Any], *, required: tuple[str, ...]) -> Mapping[str, Any]:
    """The schema of a price document of one model."""
    return {
        "type": "object",
        "properties": {"model": {"const": model}, **properties},
        "required": ["model", *required],
        "additionalProperties": False,
    }
