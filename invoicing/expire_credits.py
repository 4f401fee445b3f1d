"""Expire credits: what is left of lots whose day has come is taken out of their wallets, exactly once.

Usage is already kept from such lots by the order they are used in (domain/credit_lots.py), so it does not matter when this
runs. A lot is locked, emptied and booked in one transaction: run twice, or by two at once, each expires once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from invoicing.wallet_ports import BalanceListener, WalletStore

_PORTION: Final = 200


@dataclass(frozen=True, slots=True)
class Expired:
    """What a run took out."""

    lots: int
    micros: int


def expire_credits(store: WalletStore, cache: BalanceListener, *, now: datetime) -> Expired:
    """Expire everything due, in portions of their own transactions. Raises EngineUnavailable; portions done stay done."""
    lots = micros = 0
    while True:
        with store.begin() as transaction:
            due = transaction.expiring(at=now, limit=_PORTION)
            balances = [transaction.expire(lot, booked_at=now) for lot in due]
        cache.put(balances)
        lots += len(due)
        micros += sum(lot.remaining_micros for lot in due)
        if not due:
            return Expired(lots, micros)
