"""Notices: what customers are told about of what happens to their accounts, whom of their people, and by which channel.

A customer's contacts have roles, and for every kind of notice the customer chooses channels (domain/customers). The first
circle of people hears of something at once; further circles hear of an alert that nobody took up (domain/alert_follow_up).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.customers.contacts import DEFAULT_CHANNELS, Channel, Choices, Contact, NoticeKind, Role

SENDABLE: Final = frozenset({Channel.EMAIL, Channel.WEBHOOK})
"""Channels with a sender."""
STATUS: Final = "notification.account_status"
ALERT: Final = "notification.wallet_alert"
ESCALATION: Final = "notification.alert_escalated"
RECEIVED: Final = "notification.payment_received"
REFUNDED: Final = "notification.payment_refunded"
FAILED: Final = "notification.payment_failed"
DEBIT_AHEAD: Final = "notification.debit_announced"
_BY_TYPE: Final = {
    RECEIVED: NoticeKind.PAYMENT_RECEIVED,
    REFUNDED: NoticeKind.PAYMENT_RECEIVED,
    FAILED: NoticeKind.PAYMENT_FAILED,
    DEBIT_AHEAD: NoticeKind.PAYMENT_DUE,
}
UNASKED: Final = frozenset({DEBIT_AHEAD})
"""Types that are told whatever a customer chose: a debit of a mandate has to be announced."""
_MONEY: Final = ((Role.BILLING, Role.FINANCE),)
_BALANCE: Final = ((Role.BILLING,), (Role.FINANCE, Role.TECHNICAL), (Role.OWNER,))
_SERVICE: Final = ((Role.BILLING, Role.TECHNICAL, Role.OWNER),)
CIRCLES: Final[Mapping[NoticeKind, tuple[tuple[Role, ...], ...]]] = {
    NoticeKind.INVOICE_ISSUED: _MONEY,
    NoticeKind.PAYMENT_DUE: _MONEY,
    NoticeKind.PAYMENT_RECEIVED: _MONEY,
    NoticeKind.PAYMENT_FAILED: _MONEY,
    NoticeKind.BALANCE_LOW: _BALANCE,
    NoticeKind.BALANCE_EXHAUSTED: _BALANCE,
    NoticeKind.SERVICE_SUSPENDED: _SERVICE,
    NoticeKind.SERVICE_RESUMED: _SERVICE,
    NoticeKind.PLAN_CHANGED: ((Role.BILLING, Role.OWNER),),
    NoticeKind.CONTRACT_EXPIRING: ((Role.BILLING, Role.OWNER),),
}
"""Whose business a kind of notice is: the first circle at once, each further one when nobody took it up."""
NO_SENDER: Final = "there is no sender for this channel yet: choose email or webhook"


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom an account's notices may go to: `email` is the customer's own address, `endpoints` its webhooks by number."""

    legal_name: str
    email: str
    contacts: tuple[Contact, ...] = ()
    choices: Choices = field(default_factory=dict)
    endpoints: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """One delivery: `address` is a mail address, a phone number, or the number of a webhook endpoint."""

    channel: Channel
    address: str
    name: str


def kind_of(type_: str, data: Mapping[str, Any]) -> NoticeKind | None:
    """What a notification is about; None when customers are not told of it."""
    if type_ == STATUS:
        return _kind_of_status(data)
    if type_ == ALERT:
        return NoticeKind.BALANCE_LOW if data.get("over") else _kind_of_open_alert(data)
    if type_ == ESCALATION:
        return _kind_of_alert(data)
    return _BY_TYPE.get(type_)


def _kind_of_status(data: Mapping[str, Any]) -> NoticeKind | None:
    match data.get("status"):
        case "suspended" | "closed":
            return NoticeKind.SERVICE_SUSPENDED
        case "grace":
            return NoticeKind.BALANCE_EXHAUSTED if data.get("overdue_since") is None else NoticeKind.PAYMENT_DUE
        case "active" | "low" if data.get("was") == "suspended":
            return NoticeKind.SERVICE_RESUMED
        case _:
            return None


def _kind_of_open_alert(data: Mapping[str, Any]) -> NoticeKind | None:
    """By what is left now, which may be less than what crossed the threshold."""
    now = {**data, "balance_micros": data.get("balance_now_micros", data.get("balance_micros"))}
    # Credit that ends is told with the grace, or the suspension, that begins at the same instant.
    return None if _ends_credit(now) else _kind_of_alert(now)


def _kind_of_alert(data: Mapping[str, Any]) -> NoticeKind:
    """A postpaid balance is below zero by what is used and not yet invoiced: that is nothing to run out of."""
    used_up = _used_up(data) and data.get("mode") != "postpaid"
    return NoticeKind.BALANCE_EXHAUSTED if used_up else NoticeKind.BALANCE_LOW


def _ends_credit(data: Mapping[str, Any]) -> bool:
    level = data.get("level_micros")
    return _used_up(data) and isinstance(level, int) and level >= 0 and data.get("mode") != "postpaid"


def _used_up(data: Mapping[str, Any]) -> bool:
    balance = data.get("balance_micros")
    return isinstance(balance, int) and balance <= 0


def recipients(kind: NoticeKind, audience: Audience, *, circle: int = 0, unasked: bool = False) -> tuple[Recipient, ...]:
    """Everybody who is told, each once by each channel; nobody when the customer switched the kind off, unless `unasked`.

    Where no contact has a role of the circle, the customer's own address stands in. Where no chosen channel can be used,
    mail is: to be told another way than one asked for is better than not to hear.
    """
    chosen = audience.choices.get(kind, DEFAULT_CHANNELS)
    if not chosen and not unasked:
        return ()
    people = _people(kind, audience, circle)
    found: list[Recipient] = []
    for channel in chosen:
        match channel:
            case Channel.EMAIL:
                found += _mail(people)
            case Channel.WEBHOOK:
                found += [Recipient(channel, str(number), audience.legal_name) for number in audience.endpoints]
            case Channel.SMS | Channel.WHATSAPP:
                found += [Recipient(channel, contact.phone, contact.name) for contact in people if contact.phone]
    if not any(recipient.channel in SENDABLE for recipient in found):
        found += _mail(people)
    return tuple(dict.fromkeys(found))


def _people(kind: NoticeKind, audience: Audience, circle: int) -> list[Contact]:
    circles = CIRCLES[kind]
    wanted = set(circles[min(circle, len(circles) - 1)])
    found = [contact for contact in audience.contacts if wanted.intersection(contact.roles)]
    return found or [Contact(audience.legal_name, audience.email, None, (Role.BILLING,))]


def _mail(people: list[Contact]) -> list[Recipient]:
    return [Recipient(Channel.EMAIL, contact.email, contact.name) for contact in people]
