"""What automatic top-ups need from the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.money import Currency
from domain.top_up_rules import Ask, Attempt, TopUpRule


@dataclass(frozen=True, slots=True)
class KeptAttempt:
    """A request of the past, with its number."""

    request_id: int
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class RuledAccount:
    """An account that has, or may be given, a rule."""

    prepaid: bool
    closed: bool
    pays_itself: bool


@dataclass(frozen=True, slots=True)
class CancelledRequest:
    """A request that will not be answered any more."""

    request_id: int
    method: str
    charge_minor: int
    currency: str


class TopUpRuleBook(Protocol):
    """Rules of automatic top-ups, in one transaction of configuration."""

    def account(self, code: str) -> RuledAccount | None:
        """An account, whose wallet is locked from now on; None when there is none."""

    def rule(self, code: str) -> TopUpRule | None:
        """The rule in force."""

    def set(self, code: str, rule: TopUpRule, *, at: datetime) -> None:
        """Put a rule in the place of what was there; the wallet is looked at next."""

    def stop(self, code: str, *, at: datetime) -> Sequence[CancelledRequest]:
        """End the rule and what is in flight by it, and say so to whoever was asked."""


class TopUpRequests(Protocol):
    """Requests for money, in the transaction of a look whose wallet is locked."""

    def attempts(self, account_id: int, *, since: datetime) -> Sequence[KeptAttempt]:
        """An account's requests from an instant on, and any that is in flight."""

    def charge_minor(self, account: str, amount_minor: int, *, on: date) -> int:
        """An amount with the tax that goes on top of it. Raises InvalidInput, TaxProfileIncomplete, WrongSetup."""

    def add(self, account_id: int, ask: Ask, *, currency: Currency, answer_by: datetime, now: datetime) -> int:
        """A request in flight; returns its number."""

    def give_up(self, request_id: int, *, reason: str, now: datetime) -> None:
        """Count a request as declined."""

    def keep_answer(self, account_id: int, answer: str, *, again_at: datetime | None) -> None:
        """What the look found of the rule, and when time alone may change it."""
