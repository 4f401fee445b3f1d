"""What letters say: subject, sentences and facts of each kind of notice, from the notice alone, the same at every try."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.customers.contacts import NoticeKind
from domain.money import MICROS_PER_MINOR, Currency, format_minor
from domain.notices import DEBIT_AHEAD, ESCALATION, FAILED, RECEIVED, REFUNDED
from invoicing.notice_ports import Delivery

_METHODS: Final = {"card_mandate": "the card on file", "upi_mandate": "your UPI mandate", "payment_link": "a payment link"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter before it is set: `facts` are printed as a small table, `tone` colours its heading."""

    subject: str
    heading: str
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    tone: str = "calm"
    """calm, warning or alarm"""
    voucher: str | None = None
    """The number of the voucher that goes with it."""


def write_letter(delivery: Delivery) -> Letter:
    """The letter of a delivery."""
    notice = delivery.notice
    match notice.type:
        case _ if notice.type == RECEIVED:
            return _received(delivery)
        case _ if notice.type == REFUNDED:
            return _refunded(delivery)
        case _ if notice.type == FAILED:
            return _failed(delivery)
        case _ if notice.type == DEBIT_AHEAD:
            return _debit_ahead(delivery)
        case _ if notice.type == ESCALATION:
            return _escalated(delivery)
        case _:
            return _BY_KIND[delivery.kind](delivery) if delivery.kind in _BY_KIND else _plain(delivery)


def _balance_low(delivery: Delivery) -> Letter:
    if delivery.notice.data.get("over"):
        return _was_low(delivery)
    account, balance = delivery.notice.account, _left(delivery)
    if delivery.notice.data.get("mode") == "postpaid":
        return Letter(
            f"Usage alert: {balance} on {account}",
            "Your usage has reached an alert",
            (f"What account {account} used and was not invoiced for yet has brought its balance to {balance}.",),
            (("Account", account), ("Balance", balance), *_threshold(delivery), ("As of", _moment(delivery))),
            "warning",
        )
    return Letter(
        f"Balance low: {balance} left on {account}",
        "Your balance is running low",
        (
            f"The prepaid balance of account {account} has fallen to {balance}.",
            "Please top up soon. When the balance reaches zero, a short grace period begins, after which sending stops.",
        ),
        (("Account", account), ("Balance", balance), *_threshold(delivery), ("As of", _moment(delivery))),
        "warning",
    )


def _was_low(delivery: Delivery) -> Letter:
    account, then, now = delivery.notice.account, _micros(delivery, "balance_micros"), _left(delivery)
    return Letter(
        f"Balance was low: {account} is at {now} again",
        "Your balance was low for a while",
        (
            f"The balance of account {account} fell to {then} and has risen again since.",
            "There is nothing you need to do now. If it happens often, top up earlier or by a larger amount.",
        ),
        (
            ("Account", account),
            ("Balance then", then),
            ("Balance now", now),
            *_threshold(delivery),
            ("As of", _moment(delivery)),
        ),
    )


def _balance_exhausted(delivery: Delivery) -> Letter:
    account, balance = delivery.notice.account, _left(delivery)
    if delivery.notice.data.get("mode") == "postpaid":
        return Letter(
            f"Credit limit reached: {account}",
            "Your credit limit is reached",
            (
                f"What account {account} used and was not invoiced for yet has reached its credit limit. For a limited "
                "time, messages are still sent.",
                "Please write to us about a higher limit: when the grace period is over, sending stops.",
            ),
            (("Account", account), ("Balance", balance), ("As of", _moment(delivery))),
            "alarm",
        )
    return Letter(
        f"Credit used up: please top up {account}",
        "Your credit is used up",
        (
            f"Account {account} has no credit left. Messages are still being sent, for a limited time.",
            "Please top up now: when the grace period is over, sending stops until a payment arrives.",
        ),
        (("Account", account), ("Balance", balance), *_threshold(delivery), ("As of", _moment(delivery))),
        "alarm",
    )


def _suspended(delivery: Delivery) -> Letter:
    account, balance = delivery.notice.account, _micros(delivery, "balance_micros")
    if delivery.notice.data.get("status") == "closed":
        return Letter(
            f"Account {account} is closed",
            "Your account is closed",
            (f"Account {account} has been closed and sends no more messages. If you did not ask for this, write to us.",),
            (("Account", account), ("Balance", balance), ("Since", _moment(delivery))),
            "alarm",
        )
    if delivery.notice.data.get("overdue_since"):
        return Letter(
            f"Sending has stopped: an invoice of {account} is overdue",
            "Sending has stopped",
            (
                f"Account {account} is suspended, because an invoice has not been paid. Messages already on their way are "
                "still charged.",
                "Sending starts again by itself as soon as your payment is recorded.",
            ),
            (
                ("Account", account),
                ("Overdue since", _at(delivery, "overdue_since")),
                ("Suspended since", _moment(delivery)),
            ),
            "alarm",
        )
    return Letter(
        f"Sending has stopped: {account} is suspended",
        "Sending has stopped",
        (
            f"Account {account} is suspended and no messages are sent. Messages already on their way are still charged.",
            "Sending starts again by itself as soon as a payment brings the balance above zero.",
        ),
        (("Account", account), ("Balance", balance), ("Suspended since", _moment(delivery))),
        "alarm",
    )


def _overdue(delivery: Delivery) -> Letter:
    account = delivery.notice.account
    return Letter(
        f"An invoice of {account} is overdue",
        "Please pay your overdue invoice",
        (
            f"An invoice of account {account} was not paid by its due date. For a limited time, messages are still sent.",
            "When the grace period is over, sending stops until your payment is recorded. If you have paid, thank you: "
            "please send us the reference of your payment.",
        ),
        (("Account", account), ("Overdue since", _at(delivery, "overdue_since"))),
        "alarm",
    )


def _resumed(delivery: Delivery) -> Letter:
    account = delivery.notice.account
    return Letter(
        f"Sending works again: {account} is active",
        "Sending works again",
        (f"Account {account} is active again. There is nothing you need to do.",),
        (("Account", account), ("Balance", _micros(delivery, "balance_micros")), ("Since", _moment(delivery))),
    )


def _escalated(delivery: Delivery) -> Letter:
    account, balance = delivery.notice.account, _micros(delivery, "balance_micros")
    since = _at(delivery, "fired_at")
    return Letter(
        f"Reminder: nobody has taken up the balance alert of {account}",
        "A balance alert is still open",
        (
            f"A low-balance alert of account {account} has been open since {since}, and nobody has acknowledged it yet.",
            "You receive this because the people told first have not reacted. Please top up, or acknowledge the alert.",
        ),
        (("Account", account), ("Balance now", balance), *_threshold(delivery), ("Open since", since)),
        "alarm",
    )


def _received(delivery: Delivery) -> Letter:
    account, data = delivery.notice.account, delivery.notice.data
    paid, credited = _minor(delivery, "paid_minor"), _minor(delivery, "credited_minor")
    number = _text(data, "voucher")
    attached = f" Receipt voucher {number} is attached." if number else ""
    return Letter(
        f"Payment received: {paid} for {account}",
        "Thank you for your payment",
        (f"We received {paid}, and credited {credited} to account {account}.{attached}",),
        (
            ("Account", account),
            ("Paid", paid),
            ("Credited, before tax", credited),
            ("Payment", _text(data, "payment")),
            *((("Receipt voucher", number),) if number else ()),
            ("Credited at", _moment(delivery)),
        ),
        voucher=number or None,
    )


def _refunded(delivery: Delivery) -> Letter:
    account, data = delivery.notice.account, delivery.notice.data
    paid, number = _minor(delivery, "paid_minor"), _text(data, "voucher")
    attached = f" Refund voucher {number} is attached." if number else ""
    return Letter(
        f"Refund: {paid} of {account}",
        "Your refund is on its way",
        (f"{paid} of an advance payment of account {account} goes back to you.{attached}",),
        (
            ("Account", account),
            ("Refunded", paid),
            ("Taken from the balance", _minor(delivery, "credited_minor")),
            ("Payment", _text(data, "payment")),
            *((("Refund voucher", number),) if number else ()),
            ("Booked at", _moment(delivery)),
        ),
        voucher=number or None,
    )


def _failed(delivery: Delivery) -> Letter:
    account, data = delivery.notice.account, delivery.notice.data
    amount, method = _minor(delivery, "charge_minor"), _METHODS.get(_text(data, "method"), "your payment method")
    reason = _text(data, "reason")
    return Letter(
        f"Payment failed: {amount} for {account}",
        "An automatic top-up has failed",
        (
            f"We tried to top up account {account} by {amount} with {method}, and the payment did not go through.",
            "If the rule names another method, that one is tried next. You can also top up yourself at any time.",
        ),
        (("Account", account), ("Amount", amount), *((("Reason", reason),) if reason else ()), ("At", _moment(delivery))),
        "warning",
    )


def _debit_ahead(delivery: Delivery) -> Letter:
    account, data = delivery.notice.account, delivery.notice.data
    amount, method = _minor(delivery, "charge_minor"), _METHODS.get(_text(data, "method"), "your mandate")
    when = _at(delivery, "debit_at")
    return Letter(
        f"Upcoming debit: {amount} on {when}",
        "Notice of an automatic debit",
        (
            f"Account {account} is to be topped up automatically: {amount}, tax included, by {method}, not before {when}.",
            "If you do not want this debit, you can stop it with your bank or by ending the top-up rule before that time.",
        ),
        (
            ("Merchant", "OTPless"),
            ("Account", account),
            ("Amount of the debit", amount),
            ("Not before", when),
            ("Reference", _text(data, "request")),
            ("Reason", "Automatic top-up of the prepaid balance"),
        ),
    )


def _plain(delivery: Delivery) -> Letter:
    account = delivery.notice.account
    return Letter(
        f"News of account {account}", "News of your account", (), (("Account", account), ("At", _moment(delivery)))
    )


_BY_KIND: Final = {
    NoticeKind.BALANCE_LOW: _balance_low,
    NoticeKind.BALANCE_EXHAUSTED: _balance_exhausted,
    NoticeKind.SERVICE_SUSPENDED: _suspended,
    NoticeKind.SERVICE_RESUMED: _resumed,
    NoticeKind.PAYMENT_DUE: _overdue,
}


def _threshold(delivery: Delivery) -> tuple[tuple[str, str], ...]:
    kind, _, value = _text(delivery.notice.data, "threshold").partition(":")
    match kind:
        case "percent_of_last_top_up":
            return (("Alert set at", f"{value} % of the last top-up"),)
        case "days_of_runway":
            return (("Alert set at", f"{value} days at the recent rate of use"),)
        case "absolute":
            return (("Alert set at", _micros(delivery, "level_micros")),)
        case _:
            return ()


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return " ".join(str(value).split()) if value is not None else ""


def _micros(delivery: Delivery, name: str) -> str:
    # Towards zero for credit and away from it for debt: what is left is never shown as more than it is.
    return _money(delivery, int(delivery.notice.data.get(name) or 0) // MICROS_PER_MINOR)


def _left(delivery: Delivery) -> str:
    """The balance when the notice was written, which may be less than what caused it."""
    return _micros(delivery, "balance_now_micros" if "balance_now_micros" in delivery.notice.data else "balance_micros")


def _minor(delivery: Delivery, name: str) -> str:
    return _money(delivery, int(delivery.notice.data.get(name) or 0))


def _money(delivery: Delivery, minor: int) -> str:
    return format_minor(minor, Currency(delivery.notice.data["currency"]))


def _moment(delivery: Delivery) -> str:
    return _local(delivery, delivery.notice.occurred_at)


def _at(delivery: Delivery, name: str) -> str:
    text = _text(delivery.notice.data, name)
    return _local(delivery, datetime.fromisoformat(text)) if text else "a while ago"


def _local(delivery: Delivery, instant: datetime) -> str:
    local = instant.astimezone(ZoneInfo(delivery.time_zone))
    return f"{local.day} {local:%b %Y, %H:%M} ({local.tzname()})"
