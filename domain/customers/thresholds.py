"""At what an account is warned: the thresholds its customer chose. What crossing one means is decided elsewhere.

A choice replaces all that was chosen before; an empty one goes back to the defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from domain.errors import Faults
from domain.fields import Fields, but_is, shown
from domain.money import decimal_from_micros, micros_from_decimal

THRESHOLDS_MAX: Final = 20
AMOUNT_MAX: Final = Decimal(1_000_000_000)
DAYS_MAX: Final = 366


class ThresholdKind(StrEnum):
    """What a threshold is held against."""

    ABSOLUTE = "absolute"
    """The balance, in the account's currency."""
    PERCENT_OF_LAST_TOP_UP = "percent_of_last_top_up"
    DAYS_OF_RUNWAY = "days_of_runway"
    """Days for which the balance lasts at the recent rate."""


_VALUE_OF: Final[Mapping[ThresholdKind, str]] = {
    ThresholdKind.ABSOLUTE: "amount",
    ThresholdKind.PERCENT_OF_LAST_TOP_UP: "percent",
    ThresholdKind.DAYS_OF_RUNWAY: "days",
}
"""The field of a document that says the value."""


@dataclass(frozen=True, slots=True, order=True)
class ChosenThreshold:
    """One threshold; `value` is whole micros, percent or days."""

    kind: ThresholdKind
    value: int

    def document(self) -> dict[str, Any]:
        """The threshold as it is written in a document: amounts in currency units, in quotes."""
        value: Any = self.value
        if self.kind is ThresholdKind.ABSOLUTE:
            value = f"{decimal_from_micros(self.value).normalize():f}"
        return {"kind": str(self.kind), _VALUE_OF[self.kind]: value}


def read_thresholds(document: object, *, path: str = "") -> tuple[ChosenThreshold, ...]:
    """The thresholds of {thresholds: [{kind: absolute, amount: "500.00"}, ...]}. Raises Invalid with every fault."""
    faults = Faults()
    fields = Fields(document, path=path, faults=faults)
    rows = fields.take("thresholds")
    found: dict[ChosenThreshold, None] = {}
    if not isinstance(rows, list) or len(rows) > THRESHOLDS_MAX:
        reason = f"must be a list of at most {THRESHOLDS_MAX} thresholds, empty for the defaults" + but_is(rows)
        fields.fault("thresholds", reason)
        rows = []
    for place, row in enumerate(rows):
        threshold = _read_one(Fields(row, path=fields.at(f"thresholds[{place}]"), faults=faults))
        if threshold in found:
            fields.fault(f"thresholds[{place}]", "stands in the list twice")
        if threshold is not None:
            found[threshold] = None
    fields.refuse_unknown()
    faults.refuse_if_any()
    return tuple(sorted(found))


def _read_one(fields: Fields) -> ChosenThreshold | None:
    if not fields.is_object:
        return None
    name = fields.choice("kind", [str(kind) for kind in ThresholdKind])
    if name is None:
        for known in _VALUE_OF.values():
            fields.take(known)
        fields.refuse_unknown()
        return None
    kind = ThresholdKind(name)
    match kind:
        case ThresholdKind.ABSOLUTE:
            value = _read_amount(fields)
        case ThresholdKind.PERCENT_OF_LAST_TOP_UP:
            value = fields.whole("percent", least=1, most=100)
        case ThresholdKind.DAYS_OF_RUNWAY:
            value = fields.whole("days", least=1, most=DAYS_MAX)
    fields.refuse_unknown()
    return None if value is None else ChosenThreshold(kind, value)


def _read_amount(fields: Fields) -> int | None:
    value = fields.take("amount")
    try:
        amount = Decimal(value) if isinstance(value, str) and len(value) <= 40 else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or abs(amount) > AMOUNT_MAX:
        reason = f"must be an amount in quotes from -{AMOUNT_MAX:,} to {AMOUNT_MAX:,}, e.g. '500.00'" + but_is(value)
        fields.fault("amount", reason)
        return None
    try:
        return micros_from_decimal(amount)
    except ValueError:
        fields.fault("amount", f"has more than 6 decimals: {shown(value)}")
        return None
