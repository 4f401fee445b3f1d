"""Request top-ups: where a look finds a rule's threshold reached, money is asked for, in the look's own transaction.

The request's row, its record for `payment.requests` and the notice of a debit ahead are there together or not at all; the
wallet is locked, so of two looks at once the second finds the first one's request in flight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from domain.errors import InvalidInput, TaxProfileIncomplete, WrongSetup
from domain.money import Currency
from domain.notices import DEBIT_AHEAD
from domain.top_up_rules import INDIA, Ask, Attempt, AttemptState, NotNow, Reason, TopUpRule, answer_by, decide
from invoicing.top_up_request_ports import KeptAttempt, TopUpRequests
from invoicing.watch_ports import Message

REQUESTS_TOPIC: Final = "payment.requests"
REQUESTED: Final = "payment.request"
CANCELLED: Final = "payment.request_cancelled"
_HISTORY: Final = timedelta(days=70)
"""This month and the one before, whatever the zone."""
_TAX_PAUSE: Final = timedelta(hours=6)
"""Until a profile that leaves the tax open is looked at again."""
_UNANSWERED: Final = "no answer came in time"


@dataclass(frozen=True, slots=True)
class RuledWallet:
    """A wallet with its rule."""

    account_id: int
    account: str
    currency: Currency
    balance_micros: int
    rule: TopUpRule
    again_at: datetime | None


class Outbox(Protocol):
    """Where messages are saved with what they are about."""

    def tell(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Messages to be sent once this commits."""


def request_top_up(wallet: RuledWallet, requests: TopUpRequests, outbox: Outbox, *, now: datetime) -> bool:
    """Ask for a top-up if the rule says so; whether it was asked for. Looking twice asks once."""
    if wallet.balance_micros > wallet.rule.threshold_micros:
        if wallet.again_at is not None:
            requests.keep_answer(wallet.account_id, Reason.ENOUGH.value, again_at=None)
        return False
    kept = _answered(requests, requests.attempts(wallet.account_id, since=now - _HISTORY), now)
    try:
        charge = requests.charge_minor(wallet.account, wallet.rule.amount_minor, on=now.astimezone(INDIA).date())
    except (InvalidInput, TaxProfileIncomplete, WrongSetup) as error:
        requests.keep_answer(wallet.account_id, str(error), again_at=now + _TAX_PAUSE)
        return False
    found = decide(
        wallet.rule,
        [one.attempt for one in kept],
        balance_micros=wallet.balance_micros,
        charge_minor=charge,
        currency=wallet.currency,
        now=now,
    )
    if isinstance(found, NotNow):
        requests.keep_answer(wallet.account_id, found.reason.value, again_at=_again_at(found, kept))
        return False
    _ask(wallet, found, requests, outbox, now)
    return True


def _answered(requests: TopUpRequests, kept: Sequence[KeptAttempt], now: datetime) -> list[KeptAttempt]:
    """Requests nobody answered in time count as declined from now on."""
    found = []
    for one in kept:
        attempt = one.attempt
        if attempt.state is AttemptState.IN_FLIGHT and now >= answer_by(attempt.debit_at):
            requests.give_up(one.request_id, reason=_UNANSWERED, now=now)
            attempt = Attempt(
                attempt.requested_at, attempt.debit_at, attempt.amount_minor, attempt.method, AttemptState.FAILED
            )
        found.append(KeptAttempt(one.request_id, attempt))
    return found


def _again_at(found: NotNow, kept: Sequence[KeptAttempt]) -> datetime | None:
    if found.reason is not Reason.IN_FLIGHT:
        return found.again_at
    in_flight = (one.attempt.debit_at for one in kept if one.attempt.state is AttemptState.IN_FLIGHT)
    return min((answer_by(debit_at) for debit_at in in_flight), default=None)


def _ask(wallet: RuledWallet, ask: Ask, requests: TopUpRequests, outbox: Outbox, now: datetime) -> None:
    until = answer_by(ask.debit_at)
    number = requests.add(wallet.account_id, ask, currency=wallet.currency, answer_by=until, now=now)
    requests.keep_answer(wallet.account_id, f"asked for by request {number}", again_at=until)
    data = {
        "request": number,
        "reason": "auto_top_up",
        "method": ask.method.value,
        "amount_minor": ask.amount_minor,
        "charge_minor": ask.charge_minor,
        "currency": wallet.currency.value,
        "debit_at": ask.debit_at.isoformat(),
        "answer_by": until.isoformat(),
    }
    messages = [Message(REQUESTS_TOPIC, wallet.account, REQUESTED, wallet.account, data)]
    if ask.debit_at > now:
        messages.append(Message("notifications", wallet.account, DEBIT_AHEAD, wallet.account, data))
    outbox.tell(messages, now=now)
