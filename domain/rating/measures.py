"""Measures: what a meter reads off one event, before it is put together with the others."""

import hashlib
from decimal import Decimal
from typing import Final

from domain.catalogue.meters import QUANTITY, Aggregation, Meter
from domain.rating.places import MeterPlace
from domain.usage import QUANTITY_SCALE, RefusalReason, Refused, UsageEvent

VALUE_MAX: Final = 1_000_000_000
"""Units a measured property may be, either way: beyond it the producer is mistaken."""
_MILLIONTH: Final = Decimal("0.000001")


def measure(place: MeterPlace, event: UsageEvent) -> int | bytes:
    """Millionths of a unit; or, when distinct values are counted, the digest of the value in what it is a value of.

    Raises Refused when the event does not have what is measured.
    """
    meter = place.meter
    if meter.aggregation is Aggregation.COUNT:
        return -QUANTITY_SCALE if event.quantity_millionths < 0 else QUANTITY_SCALE
    if meter.measured == QUANTITY:
        value: object = event.quantity_millionths
        return _digest(value, place.name) if meter.aggregation is Aggregation.UNIQUE else event.quantity_millionths
    value = event.properties.get(meter.measured)
    if value is None:
        raise Refused(RefusalReason.PROPERTY, f"data.{meter.measured} is missing: meter {meter.code!r} measures it")
    return _digest(value, place.name) if meter.aggregation is Aggregation.UNIQUE else _millionths(value, meter)


def _millionths(value: object, meter: Meter) -> int:
    if type(value) is int and -VALUE_MAX <= value <= VALUE_MAX:
        return value * QUANTITY_SCALE
    if type(value) is Decimal and value.is_finite() and -VALUE_MAX <= value <= VALUE_MAX:
        whole_millionths = value.quantize(_MILLIONTH)
        if whole_millionths == value:
            return int(whole_millionths.scaleb(6))
    raise Refused(
        RefusalReason.PROPERTY,
        f"data.{meter.measured} must be a JSON number of at most 6 decimals, within ±{VALUE_MAX:,}:"
        f" meter {meter.code!r} measures it",
    )


def _digest(value: object, name: str) -> bytes:
    """128 bits of a value, its type, and what it is counted in.

    What is counted may be a person's number, which need not be known again.
    """
    if type(value) is Decimal:
        # 1 and 1.0 are the same number.
        value = int(value) if value == value.to_integral_value() else value.normalize()
    named = f"{name}{type(value).__name__}:{value}"
    return hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=16).digest()
