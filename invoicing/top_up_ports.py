"""What applying payments needs from the books."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from domain.advances import Advance
from domain.money import Currency
from domain.tax.gst import TaxDecision
from domain.top_up_rules import AttemptState
from domain.top_ups import Applied, KnownTopUp, PayingAccount, PaymentFact, Waits
from invoicing.metering_ports import Balance
from invoicing.watch_ports import Message


@dataclass(frozen=True, slots=True)
class WaitingPayment:
    """A payment event that is to be applied."""

    payment_event_id: int
    fact: PaymentFact
    request: int | None = None
    """The request for a top-up it answers, where it names one."""
    failure: str | None = None
    """Why it failed, in the gateway's words."""


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """A request for a top-up that has just been answered."""

    request_id: int
    method: str
    charge_minor: int
    currency: Currency


@dataclass(frozen=True, slots=True)
class Voucher:
    """A receipt or refund voucher to be numbered and kept. `series` begins its number."""

    kind: str
    series: str
    advance: Advance
    issue_date: date
    decision: TaxDecision | None
    """How it was taxed; None on a refund voucher, which follows its receipt."""


@dataclass(frozen=True, slots=True)
class BankTransfer:
    """A transfer as it was entered, and who decided it."""

    account: str
    currency: Currency
    reference: str
    amount_minor: int
    entered_by: str
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What moving a wallet came to, and the number of the voucher that goes with it."""

    balance: Balance
    voucher: str | None


class TopUpTransaction(Protocol):
    """One payment's transaction."""

    def next_payments(self, *, after: int, limit: int, waiting: bool) -> Sequence[WaitingPayment]:
        """Payment events that were not tried yet, in order; with `waiting`, those that wait. Takes the turn of payments."""

    def account(self, code: str) -> PayingAccount | None:
        """What is known of an account."""

    def top_up(self, gateway: str, payment: str) -> KnownTopUp | None:
        """A payment that was credited before, locked."""

    def returned_minor(self, gateway: str, reference: str, kind: str) -> int | None:
        """What a refund or dispute gave back; None when it was not applied before."""

    def decide_tax(self, account: str, *, on: date) -> TaxDecision:
        """How an advance of an account is taxed. Raises InvalidInput, TaxProfileIncomplete, WrongSetup."""

    def credit(self, fact: PaymentFact, advance: Advance, *, voucher: Voucher, booked_at: datetime) -> Moved:
        """Credit a payment, with its lot and its receipt voucher."""

    def give_back(
        self, fact: PaymentFact, part: Advance, *, kind: str, voucher: Voucher | None, booked_at: datetime
    ) -> Moved:
        """Take a part of a payment out of its wallet, of the payment's own lot first."""

    def answer_request(
        self, event: WaitingPayment, state: AttemptState, *, reason: str | None, now: datetime
    ) -> AnsweredRequest | None:
        """Close the request an event answers; None when there is none of the account, or it was answered so before."""

    def close(self, payment_event_id: int, applied: Applied, waits: Waits | None, *, tried_at: datetime) -> None:
        """Keep what became of an event."""

    def enter_transfer(self, account: str, *, reference: str, amount_minor: int, by: str, at: datetime) -> int:
        """Keep a transfer to be confirmed; returns its number. Raises NotFound, InvalidInput for a known reference."""

    def transfer(self, number: int) -> BankTransfer:
        """A transfer, locked. Raises NotFound."""

    def close_transfer(self, number: int, *, confirmed: bool, by: str, at: datetime) -> None:
        """Keep who decided it, and how."""

    def tell(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Messages to be sent once this commits."""

    def audit(self, *, action: str, subject: str, actor: str, after: Mapping[str, Any], at: datetime) -> None:
        """A record of the change."""


class TopUpStore(Protocol):
    """The truth about payments."""

    def begin(self) -> AbstractContextManager[TopUpTransaction]:
        """A transaction: commits when left normally, rolls back when left by an exception."""
