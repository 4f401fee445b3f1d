"""Usage to quote: events as producers send them, or totals of a charge or meter, from a document or the rows of a table."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from domain.errors import Faults, FieldError, Invalid
from domain.fields import Fields, but_is, shown
from domain.plans.limits import VALUE_CHARACTERS_MAX

ENTRIES_MAX: Final = 100_000
QUANTITY_MAX: Final = 1_000_000_000_000
_SUBJECTS: Final = ("type", "charge", "meter")
_CLOUDEVENT: Final = ("specversion", "id", "source", "subject", "datacontenttype")
_NAMES: Final = frozenset((*_SUBJECTS, *_CLOUDEVENT))
_NUMBER: Final = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,6})?")
_MILLIONTHS: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class QuotedUsage:
    """One entry."""

    path: str
    subject: str
    """type: an event of this type. charge, meter: a quantity as that charge or meter would have counted it."""
    name: str
    quantity_millionths: int
    properties: Mapping[str, object]
    time: datetime | None


def read_usage(document: object, *, measured: Collection[str], is_table: bool = False) -> tuple[QuotedUsage, ...]:
    """Usage from a list of entries, or of `events` and `totals`. Raises Invalid with every fault.

    Of a table every column that is no field is a property; its text is a number where meters measure it (`measured`).
    """
    if isinstance(document, Mapping):
        rows = [(f"{name}[{number}]", row) for name in document for number, row in _numbered(document, name)]
    elif isinstance(document, list):
        # A person counts the rows of a table from 1, below its heading.
        rows = [(f"row {number + 1}" if is_table else f"[{number}]", row) for number, row in enumerate(document)]
    else:
        raise Invalid([FieldError("", f"must be a list of usage, not {shown(document)}")])
    if not 0 < len(rows) <= ENTRIES_MAX:
        raise Invalid([FieldError("", f"must hold 1 to {ENTRIES_MAX:,} entries of usage, not {len(rows):,}")])
    faults = Faults()
    usage = [_read_entry(_spread(row, measured) if is_table else row, path=path, faults=faults) for path, row in rows]
    faults.refuse_if_any()
    return tuple(usage)


def _numbered(document: Mapping[Any, Any], name: Any) -> list[tuple[int, Any]]:
    if name not in ("events", "totals") or not isinstance(document[name], list):
        raise Invalid([FieldError(shown(name), "usage is a list, or an object with lists named events and totals")])
    return list(enumerate(document[name]))


def _spread(row: Mapping[str, str], measured: Collection[str]) -> dict[str, Any]:
    fields = (*_SUBJECTS, "time", "quantity")
    properties = {
        name: Decimal(text) if name in measured and _NUMBER.fullmatch(text) else text
        for name, text in row.items()
        if name not in fields
    }
    return {name: text for name, text in row.items() if name in fields} | {"properties": properties}


def _read_entry(row: object, *, path: str, faults: Faults) -> QuotedUsage:
    fields = Fields(row, path=path, faults=faults)
    named = [name for name in _SUBJECTS if fields.has(name)]
    subject = named[0] if named else "type"
    if len(named) > 1:
        fields.fault(named[1], f"an entry is of a {' or a '.join(named)}: name one")
    name = fields.text(subject)
    fields.lacks(_NAMES)
    properties = _read_properties(fields)
    data_quantity = properties.pop("quantity", None) if fields.has("data") else None
    quantity = fields.take("quantity") if fields.has("quantity") else data_quantity
    fields.take("quantity")
    time = _read_time(fields)
    fields.refuse_unknown()
    return QuotedUsage(path, subject, name or "", _read_quantity(fields, quantity, subject), properties, time)


def _read_properties(fields: Fields) -> dict[str, object]:
    name = "data" if fields.has("data") else "properties"
    if name == "data" and fields.has("properties"):
        fields.fault("properties", "an entry has data, as events have, or properties: not both")
    value = fields.take(name)
    fields.take("properties")
    fields.take("data")
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        fields.fault(name, f'must be an object of properties, e.g. {{"channel": "sms"}}{but_is(value)}')
        return {}
    for key, one in value.items():
        if not isinstance(key, str) or not isinstance(one, str | int | bool | Decimal | None):
            fields.fault(name, f"must hold texts, numbers and booleans, not {shown(one)}")
        elif isinstance(one, str) and len(one) > VALUE_CHARACTERS_MAX:
            fields.fault(f"{name}.{key}", f"must be a text of at most {VALUE_CHARACTERS_MAX} characters")
    return dict(value)


def _read_quantity(fields: Fields, value: object, subject: str) -> int:
    if value is None:
        if subject != "type":
            fields.fault("quantity", "a total says how much")
        return 1_000_000
    if type(value) is int and abs(value) <= QUANTITY_MAX:
        return value * 1_000_000
    try:
        # A number, or a decimal in quotes; nothing a float could have touched.
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise InvalidOperation
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            raise InvalidOperation
        amount = Decimal(value)
        millionths = amount * _MILLIONTHS
        if abs(amount) <= QUANTITY_MAX and millionths == millionths.to_integral_value():
            return int(millionths)
    except InvalidOperation:
        pass
    fields.fault("quantity", f"must be a number of at most 6 decimals, within ±{QUANTITY_MAX:,}{but_is(value)}")
    return 0


def _read_time(fields: Fields) -> datetime | None:
    value = fields.take("time")
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is None or not 2000 <= time.year <= 2200:
        fields.fault("time", f"must be a time with its zone, e.g. 2026-10-12T10:11:12Z{but_is(value)}")
        return None
    return time
