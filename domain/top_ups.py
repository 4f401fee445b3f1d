"""Top-ups: what a payment event means for a wallet, given what is known of the payment and of the account.

Events may come doubled, out of order, for accounts nobody knows, in another currency: what cannot be applied waits with its
reason and is tried again, and nothing is paid twice.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.advances import Advance
from domain.money import Currency
from domain.payments import PaymentType


class Waits(StrEnum):
    """Why a payment event is not applied yet."""

    UNKNOWN_ACCOUNT = "unknown_account"
    CLOSED = "account_closed"
    PAYS_FROM_ANOTHER = "pays_from_another"
    NOT_PREPAID = "not_prepaid"
    """A postpaid account's payment is for an invoice, not for its wallet."""
    OTHER_CURRENCY = "other_currency"
    TAX_PROFILE = "tax_profile"
    OTHER_AMOUNT = "other_amount"
    """The same payment, refund or dispute was applied before with another amount."""
    OTHER_ACCOUNT = "other_account"
    """The payment was credited to another account than the event names."""
    NO_SUCH_PAYMENT = "no_such_payment"
    """The payment it gives back is not known: it may still come."""
    TOO_MUCH = "too_much"
    """More would go back than was paid."""
    UNBOOKABLE = "unbookable"
    """The books refuse it for a reason nobody foresaw, such as a balance that would not fit."""


class Applied(StrEnum):
    """What became of a payment event."""

    CREDITED = "credited"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"
    NOTED = "noted"
    """Nothing moves: a failure, or something that was applied before."""
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """A payment event as it is applied. `payment` names the payment itself, also in a refund or dispute of it."""

    type: PaymentType
    account: str
    gateway: str
    reference: str
    payment: str
    amount_minor: int
    currency: Currency


@dataclass(frozen=True, slots=True)
class PayingAccount:
    """What is known of the account a payment is for."""

    currency: Currency
    prepaid: bool
    closed: bool
    pays_itself: bool


@dataclass(frozen=True, slots=True)
class KnownTopUp:
    """A payment that was credited before."""

    account: str
    advance: Advance
    currency: Currency
    given_back_minor: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with an event; `waits` says why when nothing can be done yet."""

    applied: Applied
    waits: Waits | None = None


def decide(
    fact: PaymentFact, account: PayingAccount | None, known: KnownTopUp | None, *, returned_minor: int | None = None
) -> Decision:
    """What an event means. `returned_minor`: this refund or dispute gave so much back already, under whatever event."""
    match fact.type:
        case PaymentType.FAILED:
            return Decision(Applied.NOTED)
        case PaymentType.CAPTURED:
            return _captured(fact, account, known)
        case PaymentType.REFUNDED | PaymentType.DISPUTED:
            return _given_back(fact, known, returned_minor=returned_minor)


def _captured(fact: PaymentFact, account: PayingAccount | None, known: KnownTopUp | None) -> Decision:
    if known is not None:
        if known.account != fact.account:
            return _waiting(Waits.OTHER_ACCOUNT)
        same = (known.advance.paid_minor, known.currency) == (fact.amount_minor, fact.currency)
        return Decision(Applied.NOTED) if same else _waiting(Waits.OTHER_AMOUNT)
    if account is None:
        return _waiting(Waits.UNKNOWN_ACCOUNT)
    if account.currency is not fact.currency:
        return _waiting(Waits.OTHER_CURRENCY)
    if not account.prepaid:
        return _waiting(Waits.NOT_PREPAID)
    if not account.pays_itself:
        return _waiting(Waits.PAYS_FROM_ANOTHER)
    return _waiting(Waits.CLOSED) if account.closed else Decision(Applied.CREDITED)


def _given_back(fact: PaymentFact, known: KnownTopUp | None, *, returned_minor: int | None) -> Decision:
    if returned_minor is not None:
        return Decision(Applied.NOTED) if returned_minor == fact.amount_minor else _waiting(Waits.OTHER_AMOUNT)
    if known is None:
        return _waiting(Waits.NO_SUCH_PAYMENT)
    if known.account != fact.account:
        return _waiting(Waits.OTHER_ACCOUNT)
    if known.currency is not fact.currency:
        return _waiting(Waits.OTHER_CURRENCY)
    if known.given_back_minor + fact.amount_minor > known.advance.paid_minor:
        return _waiting(Waits.TOO_MUCH)
    return Decision(Applied.REFUNDED if fact.type is PaymentType.REFUNDED else Applied.CHARGED_BACK)


def _waiting(why: Waits) -> Decision:
    return Decision(Applied.WAITING, why)
