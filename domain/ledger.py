"""The double-entry ledger: a transaction is postings that sum to zero in one currency, or it does not exist.

Wallets are liabilities to customers: a credit of a wallet is money a customer has with us. Each transaction moves wallets
and one counter account; by its cause the counter account is always the same, so that books can be read by cause. Amounts
are micros, positive where the account gains: a wallet by credit, a counter account by debit of a wallet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.money import Currency


class LedgerAccount(StrEnum):
    """The counter side of wallets."""

    USAGE_REVENUE = "usage_revenue"
    FEE_REVENUE = "fee_revenue"
    CUSTOMER_MONEY = "customer_money"
    """What customers paid in, before tax."""
    RECEIVABLE = "receivable"
    """What postpaid customers were invoiced."""
    GRANTED_CREDIT = "granted_credit"
    """What was given to customers without payment."""
    PROMOTIONAL_EXPENSE = "promotional_expense"
    EXPIRED_CREDIT = "expired_credit"
    DISPUTED_MONEY = "disputed_money"
    """What a bank took back while a dispute runs."""
    TRANSFERS = "transfers"
    """Between wallets: what one loses another gains, so it stays at zero."""
    ADJUSTMENTS = "adjustments"


class Cause(StrEnum):
    """Why a wallet moved; the word in wallet_entry.cause."""

    USAGE = "usage"
    FEE = "fee"
    RERATING = "rerating"
    TOP_UP = "top_up"
    GRANT = "grant"
    PROMOTION = "promotion"
    EXPIRY = "expiry"
    INVOICE = "invoice"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    TRANSFER = "transfer"
    ADJUSTMENT = "adjustment"


COUNTER_ACCOUNTS: Final[Mapping[Cause, LedgerAccount]] = {
    Cause.USAGE: LedgerAccount.USAGE_REVENUE,
    Cause.FEE: LedgerAccount.FEE_REVENUE,
    Cause.RERATING: LedgerAccount.USAGE_REVENUE,
    Cause.TOP_UP: LedgerAccount.CUSTOMER_MONEY,
    Cause.GRANT: LedgerAccount.GRANTED_CREDIT,
    Cause.PROMOTION: LedgerAccount.PROMOTIONAL_EXPENSE,
    Cause.EXPIRY: LedgerAccount.EXPIRED_CREDIT,
    Cause.INVOICE: LedgerAccount.RECEIVABLE,
    Cause.REFUND: LedgerAccount.CUSTOMER_MONEY,
    Cause.CHARGEBACK: LedgerAccount.DISPUTED_MONEY,
    Cause.TRANSFER: LedgerAccount.TRANSFERS,
    Cause.ADJUSTMENT: LedgerAccount.ADJUSTMENTS,
}
"""The counter account of each cause; sql/postgres keeps the same table, and a test compares the two."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a transaction: a wallet by its id, or a counter account."""

    account: int | LedgerAccount
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings under one cause and reference. Raises ValueError unless they sum to zero and name each account once."""

    cause: Cause
    reference: str
    currency: Currency
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if sum(posting.amount_micros for posting in self.postings) != 0:
            raise ValueError(f"the transaction {self.cause} {self.reference} does not sum to zero")
        accounts = [posting.account for posting in self.postings]
        if len(set(accounts)) != len(accounts):
            raise ValueError(f"the transaction {self.cause} {self.reference} names an account twice")


def balanced(cause: Cause, reference: str, currency: Currency, wallets: Mapping[int, int]) -> Transaction:
    """The transaction that changes wallets by so many micros each, with the counter posting that makes it sum to zero."""
    postings = [Posting(wallet_id, micros) for wallet_id, micros in sorted(wallets.items())]
    counter = Posting(COUNTER_ACCOUNTS[cause], -sum(wallets.values()))
    return Transaction(cause, reference, currency, (*postings, counter))


def balances(transactions: Iterable[Transaction]) -> dict[tuple[int | LedgerAccount, Currency], int]:
    """What every account comes to, currency by currency."""
    found: dict[tuple[int | LedgerAccount, Currency], int] = {}
    for transaction in transactions:
        for posting in transaction.postings:
            key = (posting.account, transaction.currency)
            found[key] = found.get(key, 0) + posting.amount_micros
    return found
