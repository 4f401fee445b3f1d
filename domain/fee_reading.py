"""Fees as stored charges say them, which were checked when they were published."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.billing_cycle import Anchor, Interval
from domain.fees import Billed, Commitment, Fee, OneTimeFee, RecurringFee
from domain.money import micros_from_decimal


def read_fee(charge_id: int, kind: str, document: Mapping[str, Any]) -> Fee:
    """A recurring charge, a one-time charge or a commitment. Raises ValueError for another kind."""
    code = document["code"]
    if kind == "recurring":
        return RecurringFee(
            charge_id,
            code,
            micros_from_decimal(Decimal(document["amount"])),
            Interval(document.get("every", Interval.MONTH)),
            Billed(document.get("billed", Billed.IN_ADVANCE)),
            Anchor(document.get("anchor", Anchor.CALENDAR)),
            document.get("prorate", True),
        )
    if kind == "one_time":
        return OneTimeFee(charge_id, code, micros_from_decimal(Decimal(document["amount"])))
    if kind == "commitment":
        counts = document.get("counts")
        return Commitment(
            charge_id,
            code,
            micros_from_decimal(Decimal(document["minimum"])),
            Interval(document.get("every", Interval.MONTH)),
            document.get("prorate", True),
            None if counts is None else frozenset(counts),
        )
    raise ValueError(f"a charge of kind {kind} is no fee")
