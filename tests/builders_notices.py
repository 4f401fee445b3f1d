"""Notices for tests: deliveries with good defaults, and what the world says to them."""

from datetime import UTC, datetime
from typing import Any

from domain.customers.contacts import Channel, NoticeKind
from invoicing.notice_ports import Delivery, Endpoint, Notice

NOON = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
"""12:00 in India."""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def a_notice(type_: str = "notification.wallet_alert", **changes: Any) -> Notice:
    """A low-balance alert of acme, until something else is said; `data` fields by name."""
    data = {
        "threshold": "percent_of_last_top_up:20",
        "level_micros": 200_000_000,
        "balance_micros": 187_345_678,
        "currency": "INR",
        "fired_at": NOON.isoformat(),
    }
    event_id = changes.pop("event_id", "17")
    return Notice("/otpless/billing", event_id, type_, "acme", {**data, **changes}, NOON)


def a_delivery(notice: Notice | None = None, **changes: Any) -> Delivery:
    """The mail of a low-balance alert to Asha."""
    facts: dict[str, Any] = {
        "delivery_id": 4,
        "attempt": 1,
        "failures": 0,
        "stable_id": "ntf_17_4",
        "channel": Channel.EMAIL,
        "address": "asha@acme.example",
        "recipient": "Asha Rao",
        "kind": NoticeKind.BALANCE_LOW,
        "circle": 0,
        "notice": notice or a_notice(),
        "customer": "Acme Private Limited",
        "time_zone": "Asia/Kolkata",
    }
    return Delivery(**{**facts, **changes})


def a_webhook(url: str, *secrets: str, **changes: Any) -> Delivery:
    """The same alert to an endpoint."""
    return a_delivery(channel=Channel.WEBHOOK, address="1", endpoint=Endpoint(url, secrets or (SECRET,)), **changes)
