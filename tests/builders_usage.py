"""Builders of usage: events as a producer sends them, records as Kafka gives them, and a configuration to rate with."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, EPOCH, Account, AliasSpan, RatingConfig, Subscription
from domain.catalogue import Charge, PlanVersion, read_charge
from domain.metering import Origin, ReceivedEvent
from domain.money import Currency
from domain.usage import TimeWindow, UsageEvent, body_digest, event_key, quantity_millionths
from invoicing.records import Record

TOPIC = "test.usage.events"
HAPPENED_AT = datetime(2026, 10, 15, 12, tzinfo=UTC)
RECEIVED_AT = datetime(2026, 10, 15, 12, 0, 1, tzinfo=UTC)
DAY_MICROS = 86_400_000_000
HOUR_MICROS = 3_600_000_000
WINDOW = TimeWindow(late_limit_micros=400 * DAY_MICROS, future_tolerance_micros=HOUR_MICROS)
SMS_PRICE_MICROS = 200_000

MATRIX = {
    "model": "matrix",
    "dimensions": ["channel", "country"],
    "rows": [
        {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "0.20"},
        {"when": {"channel": "sms", "country": "US"}, "model": "per_unit", "unit_price": "0.75"},
        {"when": {"country": "ID"}, "model": "per_unit", "unit_price": "0.33"},
    ],
}
TIERS = {"model": "graduated", "tiers": [{"up_to": 100, "unit_price": "1.00"}, {"unit_price": "0.80"}]}


def micros_of(moment: datetime) -> int:
    """Microseconds since the Unix epoch, exactly."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def an_event_document(event_id: str = "event-1", *, without: Sequence[str] = (), **changes: Any) -> dict[str, Any]:
    """A usage event as a JSON object: one OTP by SMS for acme. `without` leaves attributes out."""
    document = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/otpless/core",
        "type": "otp.delivered",
        "subject": "acme",
        "time": HAPPENED_AT.isoformat().replace("+00:00", "Z"),
        "data": {"quantity": 1, "channel": "sms", "country": "IN"},
    }
    return {name: value for name, value in {**document, **changes}.items() if name not in without}


def a_usage_event(event_id: str = "event-1", *, at: datetime | None = None, **changes: Any) -> bytes:
    """The bytes of `an_event_document`."""
    if at is not None:
        changes["time"] = at.isoformat()
    return json.dumps(an_event_document(event_id, **changes)).encode()


def an_array(*events: bytes) -> bytes:
    """Events as the CloudEvents batch format has them."""
    return b"[" + b",".join(events) + b"]"


def an_origin(offset: int = 0, *, partition: int = 0, topic: str = TOPIC, received_at: datetime = RECEIVED_AT) -> Origin:
    """Where a record came from."""
    return Origin(topic, partition, offset, micros_of(received_at))


def a_record(value: bytes, offset: int = 0, *, partition: int = 0, received_at: datetime = RECEIVED_AT) -> Record:
    """A Kafka record."""
    return Record(an_origin(offset, partition=partition, received_at=received_at), value)


def an_event(
    event_id: str = "event-1",
    *,
    meter: str = "otp.delivered",
    subject: str = "acme",
    at: datetime = HAPPENED_AT,
    quantity: int | Decimal = 1,
    **properties: object,
) -> UsageEvent:
    """A decoded usage event: one OTP by SMS for acme."""
    properties = properties or {"channel": "sms"}
    text = json.dumps(properties, sort_keys=True, default=str)
    amount = quantity_millionths(quantity)
    return UsageEvent(
        source="/otpless/core",
        id=event_id,
        subject=subject,
        meter=meter,
        time_micros=micros_of(at),
        quantity_millionths=amount,
        properties=dict(properties),
        properties_json=text,
        key=event_key("/otpless/core", event_id),
        body_digest=body_digest(meter, subject, amount, text),
    )


def a_received_event(event: UsageEvent | None = None, *, origin: Origin | None = None, index: int = 0) -> ReceivedEvent:
    """A decoded event with its place."""
    event = event or an_event()
    return ReceivedEvent(event, origin or an_origin(), index, event.id.encode())


def a_charge(meter: str = "otp.delivered", price: Mapping[str, Any] = MATRIX, *, charge_id: int = 1) -> Charge:
    """The price of one meter."""
    document = {"meter": meter, "description": "One-time passwords", "sac": "998319", "unit": "message", "price": price}
    return read_charge(charge_id, document, path="charge")


def a_plan_version(*charges: Charge, plan_version_id: int = 1, label: str = "otp-inr v1") -> PlanVersion:
    """OTPs by channel and country, and voice minutes in two tiers."""
    sold = charges or (a_charge(), a_charge("voice.minutes", TIERS, charge_id=2))
    return PlanVersion(plan_version_id, label, Currency.INR, {charge.meter: charge for charge in sold})


def an_account(
    code: str = "acme",
    *,
    account_id: int = 1,
    time_zone: str = "Asia/Kolkata",
    subscriptions: Sequence[Subscription] | None = None,
) -> Account:
    """An account on the plan for ever; its wallet's id is 100 above its own."""
    if subscriptions is None:
        subscriptions = (Subscription(a_plan_version(), DISTANT_PAST, DISTANT_FUTURE),)
    return Account(account_id, code, f"customer-{code}", account_id + 100, Currency.INR, ZoneInfo(time_zone), subscriptions)


def a_config(*accounts: Account, aliases: Mapping[str, Sequence[AliasSpan]] | None = None) -> RatingConfig:
    """A configuration in which each account has, for ever, an alias of its own name."""
    known = accounts or (an_account(),)
    spans = {account.code: (AliasSpan(account, DISTANT_PAST, DISTANT_FUTURE),) for account in known}
    return RatingConfig(
        version=1,
        aliases={**spans, **(aliases or {})},
        accounts={account.account_id: account for account in known},
        meters=frozenset({"otp.delivered", "voice.minutes"}),
    )
