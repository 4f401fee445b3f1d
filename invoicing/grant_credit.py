"""Grant credit: a lot without payment, promotional or as goodwill, once for each reference."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.credit_lots import PRIORITY_DEFAULT, PRIORITY_MAX, LotKind
from domain.errors import InvalidInput
from domain.ledger import Cause
from domain.money import micros_from_decimal
from invoicing.administer import TOP_UP_MAX, Author
from invoicing.metering_ports import Balance
from invoicing.wallet_ports import NewLot, WalletStore

_CAUSES = {LotKind.GRANTED: Cause.GRANT, LotKind.PROMOTIONAL: Cause.PROMOTION}


@dataclass(frozen=True, slots=True)
class Grant:
    """Credit in currency units, pre-tax. `expires_at` is None for credit that does not end."""

    account: str
    amount: Decimal
    reference: str
    reason: str
    kind: LotKind = LotKind.GRANTED
    expires_at: datetime | None = None
    priority: int = PRIORITY_DEFAULT


def grant_credit(store: WalletStore, grant: Grant, *, author: Author) -> Balance | None:
    """Credit the wallet; None when this reference was granted before. Raises InvalidInput naming the field, NotFound."""
    cause, micros = _check(grant, author.at), _micros(grant.amount)
    with store.begin() as transaction:
        wallet = transaction.wallet(grant.account)
        before = transaction.entry_micros(wallet.wallet_id, cause, grant.reference)
        if before is not None:
            if before != micros:
                raise InvalidInput(f"reference: {grant.reference!r} was granted before with another amount: use a new one")
            return None
        lot = NewLot(grant.kind, micros, 0, grant.priority, grant.expires_at, cause, grant.reference)
        balance = transaction.add_lot(wallet.wallet_id, lot, booked_at=author.at)
        transaction.audit(
            action="wallet.credit_granted",
            subject=grant.account,
            actor=author.name,
            after={
                "amount_micros": micros,
                "reference": grant.reference,
                "reason": grant.reason,
                "kind": grant.kind.value,
                "expires_at": grant.expires_at,
                "priority": grant.priority,
            },
            at=author.at,
        )
    return balance


def _check(grant: Grant, now: datetime) -> Cause:
    if grant.kind not in _CAUSES:
        raise InvalidInput("kind: paid credit comes with a payment; grant granted or promotional credit")
    if not grant.reference.strip() or not grant.reason.strip():
        raise InvalidInput("reason and reference: say why, and under which reference it is given once")
    if not 0 <= grant.priority <= PRIORITY_MAX:
        raise InvalidInput(f"priority: must be 0 (used first) to {PRIORITY_MAX}")
    if grant.expires_at is not None and grant.expires_at <= now:
        raise InvalidInput("expires_at: must be in the future")
    return _CAUSES[grant.kind]


def _micros(amount: Decimal) -> int:
    if not (amount.is_finite() and 0 < amount <= TOP_UP_MAX):
        raise InvalidInput(f"amount: {amount} must be above 0 and at most {TOP_UP_MAX:,}")
    try:
        return micros_from_decimal(amount)
    except ValueError as error:
        raise InvalidInput(f"amount: {error}") from error
