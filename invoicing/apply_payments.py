"""Apply payments: payment events that were received move wallets, each once, or wait with a reason.

Each event has a transaction of its own: what became of it, the movement, its lot and its voucher are there together or not
at all. An event that waits is tried again when anything else of payments was applied, and by command. One that the books
refuse waits, too: it holds up nobody.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.advances import Advance, given_back, split_payment
from domain.errors import EngineUnavailable, InvalidInput, TaxProfileIncomplete, WrongSetup
from domain.notices import FAILED, RECEIVED, REFUNDED
from domain.payments import PaymentType
from domain.top_up_rules import INDIA, AttemptState
from domain.top_ups import Applied, Decision, PaymentFact, Waits, decide
from invoicing.metering_ports import Balance
from invoicing.top_up_ports import Moved, TopUpStore, TopUpTransaction, Voucher, WaitingPayment
from invoicing.wallet_ports import BalanceListener
from invoicing.watch_ports import Message
from invoicing.watch_wallets import NOTIFICATIONS_TOPIC

SAC: Final = "998319"
"""What an advance is for: the service all of OTPless's plans are sold under."""
RECEIPT_SERIES: Final = "RV"
REFUND_SERIES: Final = "RFV"
_ACTOR: Final = "payments"


@dataclass(frozen=True, slots=True)
class AppliedPayments:
    """What a turn did."""

    tried: int = 0
    moved: int = 0
    waiting: int = 0
    unbookable: tuple[str, ...] = ()
    """Events that the books refused for a reason nobody foresaw, each in a sentence; they wait."""


class _Unbookable(Exception):
    """One event cannot be applied; nothing of it was written."""

    def __init__(self, event: WaitingPayment, cause: Exception) -> None:
        why = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        super().__init__(f"payment event {event.payment_event_id} of {event.fact.account} cannot be booked and waits: {why}")
        self.event = event


def apply_payments(store: TopUpStore, cache: BalanceListener, *, now: datetime, waiting: bool = False) -> AppliedPayments:
    """Apply what was received and not tried; with `waiting`, what waits. Raises EngineUnavailable: the rest is for later."""
    tried = moved = left = after = 0
    unbookable: list[str] = []
    while True:
        try:
            turn = _next(store, after=after, waiting=waiting, now=now)
        except _Unbookable as refused:
            with store.begin() as transaction:
                transaction.close(refused.event.payment_event_id, Applied.WAITING, Waits.UNBOOKABLE, tried_at=now)
            unbookable.append(str(refused))
            turn = refused.event, Applied.WAITING, None
        if turn is None:
            break
        event, applied, balance = turn
        after = event.payment_event_id
        tried += 1
        left += applied is Applied.WAITING
        if balance is not None:
            moved += 1
            cache.put([balance])
    if moved and not waiting:
        again = apply_payments(store, cache, now=now, waiting=True)
        return AppliedPayments(tried, moved + again.moved, again.waiting, again.unbookable)
    return AppliedPayments(tried, moved, left, tuple(unbookable))


def _next(
    store: TopUpStore, *, after: int, waiting: bool, now: datetime
) -> tuple[WaitingPayment, Applied, Balance | None] | None:
    """Apply the next event; None when there is none. Raises _Unbookable when it is the event that cannot be."""
    event: WaitingPayment | None = None
    try:
        with store.begin() as transaction:
            events = transaction.next_payments(after=after, limit=1, waiting=waiting)
            if not events:
                return None
            event = events[0]
            return event, *_apply(transaction, event, now)
    except (EngineUnavailable, WrongSetup):
        raise
    except Exception as error:
        if event is None:
            raise
        raise _Unbookable(event, error) from error


def _apply(transaction: TopUpTransaction, event: WaitingPayment, now: datetime) -> tuple[Applied, Balance | None]:
    fact = event.fact
    kind = "refund" if fact.type is PaymentType.REFUNDED else "chargeback"
    known = transaction.top_up(fact.gateway, fact.payment)
    returned = transaction.returned_minor(fact.gateway, fact.reference, kind)
    decision = decide(fact, transaction.account(fact.account), known, returned_minor=returned)
    moved: Moved | None = None
    if decision.applied is Applied.CREDITED:
        decision, moved = _credit(transaction, fact, now)
    elif decision.applied in (Applied.REFUNDED, Applied.CHARGED_BACK) and known is not None:
        part = given_back(known.advance, before_minor=known.given_back_minor, amount_minor=fact.amount_minor)
        on = now.astimezone(INDIA).date()
        # A dispute takes the money, and is not yet a refund of it: the law has no voucher for it.
        voucher = Voucher("refund", REFUND_SERIES, part, on, None) if kind == "refund" else None
        moved = transaction.give_back(fact, part, kind=kind, voucher=voucher, booked_at=now)
        if kind == "refund":
            transaction.tell([payment_message(fact, part, moved)], now=now)
    transaction.close(event.payment_event_id, decision.applied, decision.waits, tried_at=now)
    if event.request is not None and decision.applied is not Applied.WAITING:
        _answer(transaction, event, now)
    if moved is not None:
        facts = {"event": event.payment_event_id, "payment": fact.payment, "amount_minor": fact.amount_minor}
        action = f"wallet.{decision.applied.value}"
        transaction.audit(action=action, subject=fact.account, actor=_ACTOR, after=facts, at=now)
    return decision.applied, None if moved is None else moved.balance


def _credit(transaction: TopUpTransaction, fact: PaymentFact, now: datetime) -> tuple[Decision, Moved | None]:
    on = now.astimezone(INDIA).date()
    try:
        decided = transaction.decide_tax(fact.account, on=on)
    except (InvalidInput, TaxProfileIncomplete, WrongSetup):
        return Decision(Applied.WAITING, Waits.TAX_PROFILE), None
    advance = split_payment(fact.amount_minor, decided)
    voucher = Voucher("receipt", RECEIPT_SERIES, advance, on, decided)
    moved = transaction.credit(fact, advance, voucher=voucher, booked_at=now)
    transaction.tell([payment_message(fact, advance, moved)], now=now)
    return Decision(Applied.CREDITED), moved


def _answer(transaction: TopUpTransaction, event: WaitingPayment, now: datetime) -> None:
    """Close the request for a top-up that an event answers; the wallet is looked at again, for the next method."""
    match event.fact.type:
        case PaymentType.CAPTURED:
            transaction.answer_request(event, AttemptState.CAPTURED, reason=None, now=now)
        case PaymentType.FAILED:
            reason = event.failure or "the gateway said no more"
            answered = transaction.answer_request(event, AttemptState.FAILED, reason=reason, now=now)
            if answered is not None:
                data = {
                    "request": answered.request_id,
                    "method": answered.method,
                    "charge_minor": answered.charge_minor,
                    "currency": answered.currency.value,
                    "reason": reason,
                }
                account = event.fact.account
                transaction.tell([Message(NOTIFICATIONS_TOPIC, account, FAILED, account, data)], now=now)
        case _:
            return


def payment_message(fact: PaymentFact, advance: Advance, moved: Moved) -> Message:
    """What the customer is told of a payment that was credited, or went back."""
    type_ = REFUNDED if fact.type is PaymentType.REFUNDED else RECEIVED
    data = {
        "paid_minor": advance.paid_minor,
        "credited_minor": advance.taxable_minor,
        "currency": fact.currency.value,
        "gateway": fact.gateway,
        "payment": fact.payment,
        "voucher": moved.voucher,
        "balance_micros": moved.balance.balance_micros,
    }
    return Message(NOTIFICATIONS_TOPIC, fact.account, type_, fact.account, data)
