"""Bank transfers: one person enters what the bank statement shows, another confirms it; then it is a top-up like others.

The bank's reference is entered once. Whoever decides second, of two at once, finds it decided.
"""

from datetime import datetime

from domain.advances import split_payment
from domain.errors import IllegalTransition, InvalidInput
from domain.payments import AMOUNT_MINOR_MAX, PaymentType
from domain.top_up_rules import INDIA
from domain.top_ups import Applied, PaymentFact, decide
from invoicing.administer import Author
from invoicing.apply_payments import RECEIPT_SERIES, payment_message
from invoicing.metering_ports import Balance
from invoicing.top_up_ports import BankTransfer, TopUpStore, TopUpTransaction, Voucher

GATEWAY = "bank_transfer"


def enter_transfer(store: TopUpStore, *, account: str, reference: str, amount_minor: int, author: Author) -> int:
    """Enter a transfer as the statement shows it, tax included; returns its number. Raises InvalidInput, NotFound."""
    if not reference.strip():
        raise InvalidInput("reference: give the bank's, e.g. the UTR")
    if not 1 <= amount_minor <= AMOUNT_MINOR_MAX:
        raise InvalidInput(f"amount: must be 0.01 to {AMOUNT_MINOR_MAX // 100:,}")
    with store.begin() as transaction:
        number = transaction.enter_transfer(
            account, reference=reference, amount_minor=amount_minor, by=author.name, at=author.at
        )
        facts = {"transfer": number, "reference": reference, "amount_minor": amount_minor}
        transaction.audit(action="bank_transfer.entered", subject=account, actor=author.name, after=facts, at=author.at)
    return number


def decide_transfer(store: TopUpStore, number: int, *, confirm: bool, author: Author) -> Balance | None:
    """Confirm a transfer, which credits the wallet, or reject it; returns the balance when it is credited.

    Raises IllegalTransition when it was decided before or by the person who entered it, NotFound, InvalidInput.
    """
    with store.begin() as transaction:
        transfer = transaction.transfer(number)
        if transfer.decided_by is not None:
            raise IllegalTransition(f"transfer {number} was decided by {transfer.decided_by} before: nothing is left to do")
        if confirm and transfer.entered_by == author.name:
            raise IllegalTransition(f"transfer {number} was entered by {author.name}: another person confirms it")
        balance = _credit(transaction, transfer, author.at) if confirm else None
        transaction.close_transfer(number, confirmed=confirm, by=author.name, at=author.at)
        action = "bank_transfer.confirmed" if confirm else "bank_transfer.rejected"
        facts = {"transfer": number, "reference": transfer.reference, "amount_minor": transfer.amount_minor}
        transaction.audit(action=action, subject=transfer.account, actor=author.name, after=facts, at=author.at)
    return balance


def _credit(transaction: TopUpTransaction, transfer: BankTransfer, now: datetime) -> Balance:
    fact = PaymentFact(
        PaymentType.CAPTURED,
        transfer.account,
        GATEWAY,
        transfer.reference,
        transfer.reference,
        transfer.amount_minor,
        transfer.currency,
    )
    known = transaction.top_up(GATEWAY, transfer.reference)
    decision = decide(fact, transaction.account(transfer.account), known)
    if decision.applied is not Applied.CREDITED:
        why = decision.waits or decision.applied
        raise InvalidInput(f"transfer: it cannot be credited to {transfer.account} ({why.value}): mend that, or reject it")
    on = now.astimezone(INDIA).date()
    decided = transaction.decide_tax(transfer.account, on=on)
    advance = split_payment(transfer.amount_minor, decided)
    voucher = Voucher("receipt", RECEIPT_SERIES, advance, on, decided)
    moved = transaction.credit(fact, advance, voucher=voucher, booked_at=now)
    transaction.tell([payment_message(fact, advance, moved)], now=now)
    return moved.balance
