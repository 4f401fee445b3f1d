"""Fees as stored charges say them, which were checked when they were published."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from domain.billing_cycle import Anchor, Interval
from domain.fee_terms import Billed, Commitment, Fee, FeeTerms, OneTimeFee, RecurringFee, Trial
from domain.money import micros_from_decimal


def read_terms(charges: Iterable[tuple[int, str, Mapping[str, Any]]]) -> FeeTerms:
    """What stored charges of one plan version or contract say about fees: their ids, kinds and documents."""
    fees: dict[str, Fee] = {}
    trials: dict[str, Trial] = {}
    for charge_id, kind, document in charges:
        if kind != "adjustment":
            fee = read_fee(charge_id, kind, document)
            fees[fee.code] = fee
        elif document["kind"] == "trial" and document.get("days") is not None and document.get("applies_to") is None:
            trials[document["code"]] = Trial(document["code"], document["days"])
    return FeeTerms(fees, trials)


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
