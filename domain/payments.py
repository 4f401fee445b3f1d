"""What a payment event says: a gateway took, gave back or failed to take an amount for an account."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.event_data import TEXT_MAX, check_flat
from domain.fields import shown
from domain.money import Currency
from domain.receiving import Event
from domain.usage import RefusalReason, Refused

AMOUNT_MINOR_MAX: Final = 10**15
"""Minor units one payment may be of: beyond it the producer is mistaken."""
_Choice = TypeVar("_Choice", bound=StrEnum)


class PaymentType(StrEnum):
    """What happened to the money."""

    CAPTURED = "payment.captured"
    FAILED = "payment.failed"
    REFUNDED = "payment.refunded"
    DISPUTED = "payment.disputed"


class Gateway(StrEnum):
    """Who handled it."""

    STRIPE = "stripe"
    RAZORPAY = "razorpay"


@dataclass(frozen=True, slots=True)
class Payment:
    """One fact about a payment. `reference` is the gateway's name of the payment, refund or dispute."""

    type: PaymentType
    account: str
    gateway: Gateway
    reference: str
    amount_minor: int
    currency: Currency
    payment: str | None = None
    """Of a refund or dispute, the gateway's name of the payment it gives back; None: the reference names it."""


def read_payment(event: Event) -> Payment:
    """What an event says. Raises Refused naming the field."""
    if event.type not in set(PaymentType):
        known = ", ".join(PaymentType)
        raise Refused(RefusalReason.UNKNOWN_TYPE, f"type {event.type[:80]!r} is not known here: send one of {known}")
    data = event.data
    amount_minor = _amount_minor(data)
    check_flat(data)
    return Payment(
        PaymentType(event.type),
        event.subject,
        _choice(data, "gateway", Gateway),
        _reference(data),
        amount_minor,
        _choice(data, "currency", Currency),
        _payment(data),
    )


def _choice(data: dict[str, Any], name: str, choices: type[_Choice]) -> _Choice:
    value = data.get(name)
    if not isinstance(value, str) or value not in set(choices):
        said = "missing" if name not in data else repr(value)[:80]
        raise Refused(RefusalReason.FIELD, f"data.{name} is {said}: send one of {', '.join(choices)}")
    return choices(value)


def _reference(data: dict[str, Any]) -> str:
    reference = data.get("reference")
    if not isinstance(reference, str) or not reference:
        raise Refused(
            RefusalReason.FIELD, f"data.reference must be the gateway's own id, a text of 1 to {TEXT_MAX} characters"
        )
    return reference


def _payment(data: dict[str, Any]) -> str | None:
    if "payment" not in data:
        return None
    payment = data["payment"]
    if not isinstance(payment, str) or not payment:
        raise Refused(
            RefusalReason.FIELD, f"data.payment must be the payment's id at the gateway, 1 to {TEXT_MAX} characters"
        )
    return payment


def _amount_minor(data: dict[str, Any]) -> int:
    amount = data.get("amount_minor")
    if type(amount) is not int or not 1 <= amount <= AMOUNT_MINOR_MAX:
        said = "missing" if "amount_minor" not in data else shown(amount)
        raise Refused(
            RefusalReason.FIELD,
            f"data.amount_minor is {said}: send a whole number of paise or cents from 1 to {AMOUNT_MINOR_MAX:,}, "
            "without sign, decimals or quotes",
        )
    return amount
