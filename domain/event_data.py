"""The `data` of a payment or config event: what may stand in it whatever the event is about.

Values are those of a JSON decoder that reads fractions as Decimal. What is allowed here can be stored as it is: PostgreSQL
holds no character U+0000, and a number of any exponent would not fit.
"""

from decimal import Decimal
from typing import Any, Final

from domain.usage import PROPERTIES_MAX, RefusalReason, Refused

TEXT_MAX: Final = 256
"""Characters of a text or a name."""
DEPTH_MAX: Final = 8
"""Objects and arrays in each other, `data` itself counted."""
VALUES_MAX: Final = 10_000
_INTEGER_MAX: Final = 2**63
_EXPONENT_MAX: Final = 30


def check_flat(data: dict[str, Any]) -> None:
    """Raises Refused unless data is at most 32 texts, numbers, booleans and nulls."""
    if len(data) > PROPERTIES_MAX:
        raise Refused(RefusalReason.PROPERTY, f"data has {len(data)} properties: send at most {PROPERTIES_MAX}")
    for name, value in data.items():
        _check_name("data", name)
        if isinstance(value, dict | list):
            raise Refused(RefusalReason.PROPERTY, f"data.{name[:80]} must be a text, number, boolean or null: it is nested")
        _check_value(f"data.{name}", value)


def check_nested(data: dict[str, Any]) -> None:
    """Raises Refused when data is nested deeper than 8 levels or holds more than 10,000 values."""
    waiting: list[tuple[str, Any, int]] = [("data", data, 1)]
    values = 0
    while waiting:
        path, container, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise Refused(RefusalReason.PROPERTY, f"{path[:80]} is nested deeper than {DEPTH_MAX} levels: send it flatter")
        values += len(container)
        if values > VALUES_MAX:
            raise Refused(RefusalReason.PROPERTY, f"data holds more than {VALUES_MAX:,} values: send several events")
        if isinstance(container, dict):
            for name in container:
                _check_name(path, name)
            members = [(f"{path}.{name}", value) for name, value in container.items()]
        else:
            members = [(f"{path}[{place}]", value) for place, value in enumerate(container)]
        for member_path, value in members:
            if isinstance(value, dict | list):
                waiting.append((member_path, value, depth + 1))
            else:
                _check_value(member_path, value)


def _check_name(path: str, name: str) -> None:
    if len(name) > TEXT_MAX:
        raise Refused(RefusalReason.PROPERTY, f"{path[:80]} has a property name longer than {TEXT_MAX} characters")
    if "\0" in name:
        raise Refused(RefusalReason.PROPERTY, f"{path[:80]} has a property name with the character U+0000: leave it out")


def _check_value(path: str, value: object) -> None:
    if isinstance(value, str):
        if len(value) > TEXT_MAX:
            raise Refused(RefusalReason.PROPERTY, f"{path[:80]} is longer than {TEXT_MAX} characters")
        if "\0" in value:
            raise Refused(RefusalReason.PROPERTY, f"{path[:80]} holds the character U+0000: leave it out")
    elif isinstance(value, int):
        if not -_INTEGER_MAX <= value < _INTEGER_MAX:
            raise Refused(RefusalReason.PROPERTY, f"{path[:80]} does not fit 64 bits: send it as a text")
    elif isinstance(value, Decimal) and not (value.is_finite() and abs(value.adjusted()) <= _EXPONENT_MAX):
        raise Refused(RefusalReason.PROPERTY, f"{path[:80]} is out of range: send it as a text")
