"""What wallets' use cases need from the books: entries, lots and statements."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.credit_lots import LotKind
from domain.ledger import Cause
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class WalletFacts:
    """A wallet and whose it is."""

    wallet_id: int
    account: str
    currency: str
    prepaid: bool


@dataclass(frozen=True, slots=True)
class NewLot:
    """Credit to be given. Amounts are micros; `cost_micros` is what was paid for it."""

    kind: LotKind
    amount_micros: int
    cost_micros: int
    priority: int
    expires_at: datetime | None
    cause: Cause
    reference: str


@dataclass(frozen=True, slots=True)
class ExpiringLot:
    """A lot whose day has come with something left."""

    lot_id: int
    wallet_id: int
    account: str
    remaining_micros: int


@dataclass(frozen=True, slots=True)
class HeldLot:
    """A lot with something left that may be used. Amounts are micros."""

    lot_id: int
    kind: LotKind
    priority: int
    expires_at: datetime | None
    amount_micros: int
    cost_micros: int
    remaining_micros: int


class WalletTransaction(Protocol):
    """One transaction on wallets: everything of it is booked, or nothing is."""

    def wallet(self, account: str) -> WalletFacts:
        """The wallet an account pays from itself, locked. Raises NotFound, or InvalidInput when another pays."""

    def entry_micros(self, wallet_id: int, cause: Cause, reference: str) -> int | None:
        """The amount booked under a cause and reference before; None when there is none."""

    def wallets_of_one_account(self, first: str, second: str) -> tuple[WalletFacts, WalletFacts]:
        """Two open wallets of one prepaid account, locked. Raises NotFound, and InvalidInput when they are not."""

    def balance_micros(self, wallet_id: int) -> int:
        """What a locked wallet holds."""

    def held_lots(self, wallet_id: int, *, at: datetime) -> Sequence[HeldLot]:
        """The lots of a locked wallet that may be used, in the order they are used in."""

    def take(
        self, wallet_id: int, parts: Sequence[tuple[int, int]], *, cause: Cause, reference: str, booked_at: datetime
    ) -> Balance:
        """Take micros of lots out of a wallet, with one entry for all of them."""

    def add_lot(self, wallet_id: int, lot: NewLot, *, booked_at: datetime) -> Balance:
        """Credit a wallet with a lot; debt is repaid first."""

    def expiring(self, *, at: datetime, limit: int) -> Sequence[ExpiringLot]:
        """Lots of up to `limit` wallets whose day has come, the wallets locked; those others work on are passed over."""

    def expire(self, lot: ExpiringLot, *, booked_at: datetime) -> Balance:
        """Take what is left of a lot out of its wallet."""

    def audit(self, *, action: str, subject: str, actor: str, after: Mapping[str, Any], at: datetime) -> None:
        """A record of the change."""


class WalletStore(Protocol):
    """The truth about wallets."""

    def begin(self) -> AbstractContextManager[WalletTransaction]:
        """A transaction: commits when left normally, rolls back when left by an exception."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement: usage of a day together, anything else by itself. Micros."""

    booked_at: datetime
    cause: str
    reference: str
    entries: int
    amount_micros: int
    balance_after_micros: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A wallet's movements from `start` up to but not including `end`, between its balances at both."""

    account: str
    currency: str
    start: datetime
    end: datetime
    opening_micros: int
    closing_micros: int
    lines: Sequence[StatementLine]


class BalanceListener(Protocol):
    """Who is told new balances after the commit."""

    def put(self, balances: Sequence[Balance]) -> object:
        """Take over balances; an older version changes nothing."""


__all__ = [
    "Balance",
    "BalanceListener",
    "ExpiringLot",
    "HeldLot",
    "NewLot",
    "Statement",
    "StatementLine",
    "WalletFacts",
    "WalletStore",
    "WalletTransaction",
]
