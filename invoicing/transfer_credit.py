"""Transfer credit from one wallet of an account to another, once for each reference.

Credit stays what it is: lots leave in the order they are used in, and arrive with their kind, priority, expiry and cost. The
wallet that gives has one entry, the one that gets has one for each lot, and repays its debt first as with any credit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.errors import InvalidInput
from domain.ledger import Cause
from domain.money import decimal_from_micros, micros_from_decimal
from domain.wallet_purposes import moved_cost
from invoicing.administer import TOP_UP_MAX, Author
from invoicing.metering_ports import Balance
from invoicing.wallet_ports import HeldLot, NewLot, WalletFacts, WalletStore, WalletTransaction

LOT_OF: Final = " / lot "
"""Between a transfer's reference and the lot, in the references of the second and later entries of who gets it."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Credit in currency units, from one wallet of an account to another; wallets are named by their codes."""

    source: str
    target: str
    amount: Decimal
    reference: str
    reason: str


def transfer_credit(store: WalletStore, transfer: Transfer, *, author: Author) -> Sequence[Balance]:
    """Both wallets after it; none when this reference was transferred before.

    Raises NotFound, and InvalidInput naming the field: also when the credit is not there.
    """
    micros = _micros(transfer)
    with store.begin() as transaction:
        source, target = transaction.wallets_of_one_account(transfer.source, transfer.target)
        if _was_done(transaction, transfer, source, target, micros):
            return []
        parts = _parts(transaction.held_lots(source.wallet_id, at=author.at), micros)
        if parts is None or transaction.balance_micros(source.wallet_id) < micros:
            held = decimal_from_micros(transaction.balance_micros(source.wallet_id))
            raise InvalidInput(f"amount: {transfer.source} holds {held:,} {source.currency}: transfer at most what it holds")
        given = transaction.take(
            source.wallet_id,
            [(lot.lot_id, moved) for lot, moved in parts],
            cause=Cause.TRANSFER,
            reference=transfer.reference,
            booked_at=author.at,
        )
        for place, (lot, moved) in enumerate(parts):
            got = transaction.add_lot(target.wallet_id, _arriving(lot, moved, transfer, place), booked_at=author.at)
        transaction.audit(
            action="wallet.credit_transferred",
            subject=transfer.source,
            actor=author.name,
            after={
                "to": transfer.target,
                "amount_micros": micros,
                "reference": transfer.reference,
                "reason": transfer.reason,
            },
            at=author.at,
        )
    return [given, got]


def _arriving(lot: HeldLot, moved_micros: int, transfer: Transfer, place: int) -> NewLot:
    return NewLot(
        kind=lot.kind,
        amount_micros=moved_micros,
        cost_micros=moved_cost(amount_micros=lot.amount_micros, cost_micros=lot.cost_micros, moved_micros=moved_micros),
        priority=lot.priority,
        expires_at=lot.expires_at,
        cause=Cause.TRANSFER,
        reference=transfer.reference if place == 0 else f"{transfer.reference}{LOT_OF}{lot.lot_id}",
    )


def _parts(lots: Sequence[HeldLot], micros: int) -> list[tuple[HeldLot, int]] | None:
    """How much of which lot leaves; None when they do not cover it."""
    parts = []
    for lot in lots:
        moved = min(micros, lot.remaining_micros)
        if moved:
            parts.append((lot, moved))
            micros -= moved
    return None if micros else parts


def _was_done(
    transaction: WalletTransaction, transfer: Transfer, source: WalletFacts, target: WalletFacts, micros: int
) -> bool:
    gave, got = (
        transaction.entry_micros(wallet.wallet_id, Cause.TRANSFER, transfer.reference) for wallet in (source, target)
    )
    if gave is None and got is None:
        return False
    if gave != -micros or got is None or got < 0:
        raise InvalidInput(f"reference: {transfer.reference!r} was another transfer: use a new one")
    return True


def _micros(transfer: Transfer) -> int:
    if transfer.source == transfer.target:
        raise InvalidInput("to: credit goes from one wallet to another; both are the same")
    if not transfer.reference.strip() or not transfer.reason.strip():
        raise InvalidInput("reason and reference: say why, and under which reference it is transferred once")
    if LOT_OF in transfer.reference:
        raise InvalidInput(f"reference: may not hold {LOT_OF!r}")
    if not (transfer.amount.is_finite() and 0 < transfer.amount <= TOP_UP_MAX):
        raise InvalidInput(f"amount: {transfer.amount} must be above 0 and at most {TOP_UP_MAX:,}")
    try:
        return micros_from_decimal(transfer.amount)
    except ValueError as error:
        raise InvalidInput(f"amount: {error}") from error
