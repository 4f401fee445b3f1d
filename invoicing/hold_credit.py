"""Hold credit: core asks before sending, and is answered from the cache by the account's own price.

Without the cache the answer comes from the books and nothing is reserved: service goes on, and promises may overlap for as
long as the cache is away. Delivered events settle holds when they are booked (streams/balance_teller.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.attribution import EPOCH, Account
from domain.errors import EngineUnavailable, NotFound
from domain.hold_amount import Used, most_micros, needs_totals
from domain.holds import Answer, Holdings, check_hold, check_messages
from invoicing.hold_ports import CachedAnswer, CreditBooks, CreditCache, HoldCache, Prices, WalletOwner

LIFETIME_SECONDS: Final = 600
_TOTALS_FOR: Final = timedelta(seconds=5)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Question:
    """May `alias` send so many messages of a type? What is not said of their properties is taken at its dearest.

    The wallet is that which pays for such messages by what is said of them (domain/wallet_purposes.py).
    """

    alias: str
    meter: str
    messages: int = 1
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HoldAnswer:
    """What is said to core. `amount_micros` is the most the messages can cost."""

    answer: Answer
    account: str
    wallet: str
    """The code of the wallet that pays: the account's, that of one above it, or of a further wallet of whichever pays."""
    amount_micros: int
    balance_micros: int
    reserved_micros: int
    status: str
    held_until: datetime | None = None
    """None when nothing is reserved."""
    from_cache: bool = True


@dataclass(slots=True)
class HoldCredit:
    """The use case. Safe to call from several threads."""

    prices: Prices
    holds: HoldCache
    cache: CreditCache
    books: CreditBooks
    _owners: dict[int, WalletOwner] = field(default_factory=dict)
    _totals: dict[int, tuple[datetime, Used]] = field(default_factory=dict)

    def hold(
        self, question: Question, *, hold_id: str, now: datetime, lifetime_seconds: int = LIFETIME_SECONDS
    ) -> HoldAnswer:
        """Reserve the most the messages can cost, once for each hold id.

        Raises NotFound, InvalidInput, EngineUnavailable.
        """
        account, amount = self._amount(question, now)
        check_hold(hold_id=hold_id, amount_micros=amount, lifetime_seconds=lifetime_seconds)
        lifetime_ms = lifetime_seconds * 1_000
        payer = self._owner(account.wallet_for(question.meter, question.properties))
        return self._ask(
            account, payer, amount, lambda: self.holds.hold(payer.account_id, hold_id, amount, lifetime_ms=lifetime_ms)
        )

    def may_send(self, question: Question, *, now: datetime) -> HoldAnswer:
        """The same question with nothing reserved. Raises as `hold` does."""
        account, amount = self._amount(question, now)
        payer = self._owner(account.wallet_for(question.meter, question.properties))
        return self._ask(account, payer, amount, lambda: self.holds.may_send(payer.account_id, amount))

    def release(self, alias: str, hold_ids: Sequence[str], *, now: datetime) -> int:
        """Void or settle; returns how many were there. One that is not there has ended already: nothing is wrong then.

        Of what type the messages were is not said, so every wallet that may have reserved for them is asked.
        """
        account = self._account(alias, now)
        return sum(self.holds.release(self._owner(wallet_id).account_id, hold_ids) for wallet_id in account.wallets)

    def _ask(self, account: Account, payer: WalletOwner, amount_micros: int, ask: Callable[[], CachedAnswer]) -> HoldAnswer:
        try:
            said = ask()
            if said.answer is None:
                self._tell(payer.account_id)
                said = ask()
        except EngineUnavailable:
            return self._from_books(account, payer, amount_micros)
        if said.answer is None:
            return self._from_books(account, payer, amount_micros)
        held_until = EPOCH + timedelta(milliseconds=said.ends_ms) if said.ends_ms else None
        return HoldAnswer(
            said.answer,
            account.code,
            payer.code,
            amount_micros,
            said.balance_micros,
            said.reserved_micros,
            said.status,
            held_until if said.answer is Answer.YES else None,
        )

    def _tell(self, owner: int) -> None:
        """The cache is new to this account: it was lost, or the account has never been used."""
        credit = self.books.credit([owner])[owner]
        self.cache.put([credit.balance])
        self.cache.put_standings([credit.standing])

    def _from_books(self, account: Account, payer: WalletOwner, amount_micros: int) -> HoldAnswer:
        credit = self.books.credit([payer.account_id])[payer.account_id]
        standing, balance = credit.standing, credit.balance
        wallet = Holdings(balance.balance_micros, balance.version, standing.status, standing.floor_micros)
        answer = wallet.may_send(amount_micros)
        held = (amount_micros, balance.balance_micros, 0, standing.status)
        return HoldAnswer(answer, account.code, payer.code, *held, from_cache=False)

    def _account(self, alias: str, now: datetime) -> Account:
        account = self.prices.config().account_at(alias, _micros(now))
        if account is None:
            raise NotFound(f"alias {alias!r} names no account now: `billing accounts map-alias` gives it one")
        return account

    def _owner(self, wallet_id: int) -> WalletOwner:
        owner = self._owners.get(wallet_id)
        if owner is None:
            owner = self._owners[wallet_id] = self.books.owner(wallet_id)
        return owner

    def _amount(self, question: Question, now: datetime) -> tuple[Account, int]:
        check_messages(question.messages)
        account = self._account(question.alias, now)
        plan = account.plan_at(_micros(now))
        amount = None
        if plan is not None:
            used = self._used(account, now) if needs_totals(plan, question.meter) else {}
            amount = most_micros(plan, question.meter, question.properties, messages=question.messages, used=used)
        if amount is None:
            raise NotFound(f"account {account.code} has no price for {question.meter!r} with these properties now")
        return account, amount

    def _used(self, account: Account, now: datetime) -> Used:
        """Running totals at most some seconds old."""
        read_at, totals = self._totals.get(account.account_id, (None, {}))
        if read_at is None or not timedelta(0) <= now - read_at < _TOTALS_FOR:
            totals = self.books.used_millionths(account.account_id, account.service_month(_micros(now)))
            self._totals[account.account_id] = (now, totals)
        return totals


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // _MICROSECOND
