"""Books for tests, kept the real way: accounts by administration, usage by metering, ClickHouse by the outbox."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from sqlalchemy import Engine, text

from connectors import metering_wiring, wiring
from connectors.settings import settings
from domain.metering import Origin
from domain.money import Currency
from invoicing.administer import Author, add_sellers, publish_plan, top_up
from invoicing.administration_ports import NewSeller
from invoicing.meter_usage import Metered
from invoicing.publish_usage import warehouse_next
from invoicing.records import Record
from tests.builders import KARNATAKA_GSTIN, MAHARASHTRA_GSTIN
from tests.opened_accounts import NewAccount, NewCustomer, open_accounts

AUTHOR = Author("tests", datetime(2026, 10, 1, tzinfo=UTC))
MID_OCTOBER = datetime(2026, 10, 15, 12, tzinfo=UTC)
NOVEMBER_2 = datetime(2026, 11, 2, 9, tzinfo=UTC)
RECEIVED_AT = datetime(2026, 11, 5, tzinfo=UTC)
TOPIC = f"{settings().kafka_topic_prefix}usage.events"
_NEXT_OFFSET = "SELECT coalesce(max(next_offset), 0) FROM partition_progress WHERE topic = :topic"
_serial = count(1)


def a_plan(currency: Currency = Currency.INR) -> dict[str, object]:
    """SMS at 0.20, WhatsApp at 0.1450, anything else at 0.50; voice minutes in two tiers."""
    rows = [
        {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "0.20"},
        {"when": {"channel": "whatsapp"}, "model": "per_unit", "unit_price": "0.1450"},
        {"model": "per_unit", "unit_price": "0.50"},
    ]
    tiers = [{"up_to": 100, "unit_price": "1.00"}, {"unit_price": "0.80"}]
    common = {"sac": "998319", "unit": "message"}
    return {
        "code": f"otp-{currency.lower()}",
        "name": f"OTP {currency}",
        "currency": str(currency),
        "charges": [
            {
                "meter": "otp.delivered",
                "description": "OTP delivered",
                "price": {"model": "matrix", "dimensions": ["channel"], "rows": rows},
            }
            | common,
            {"meter": "voice.minutes", "description": "Voice OTP", "price": {"model": "graduated", "tiers": tiers}}
            | common
            | {"unit": "minute"},
        ],
    }


def a_new_seller(**changes: object) -> NewSeller:
    """The seller of tests/builders.py, as an operator registers it."""
    facts = {
        "gstin": KARNATAKA_GSTIN,
        "legal_name": "OTPless Technologies Private Limited",
        "address_lines": ("Level 4, 80 Feet Road, Koramangala", "Bengaluru 560034, Karnataka"),
        "email": "billing@otpless.example",
        "payment_lines": ("Account 000123456789, IFSC EXMP0000123",),
        "invoice_series": "OTP",
        "lut_arn": None,
        "lut_valid_from": None,
        "lut_valid_to": None,
    }
    return NewSeller(**{**facts, **changes})


def open_shop() -> None:
    """A seller and a plan in each currency."""
    store = wiring.administration()
    add_sellers(store, [a_new_seller()], author=AUTHOR)
    for currency in Currency:
        publish_plan(store, a_plan(currency), author=AUTHOR)


def credit(code: str, amount: str, *, reference: str = "opening", author: Author = AUTHOR) -> bool:
    """Paid credit a wallet begins with; whether it is new."""
    store = wiring.administration()
    return top_up(store, account_code=code, amount=Decimal(amount), reference=reference, author=author)


def open_account(
    code: str,
    *,
    mode: str = "postpaid",
    currency: Currency = Currency.INR,
    time_zone: str = "Asia/Kolkata",
    **customer_changes: object,
) -> str:
    """An account with an alias of the same name, of a registered customer in Maharashtra unless told otherwise."""
    facts = {
        "code": f"customer-{code}",
        "legal_name": f"{code.title()} Private Limited",
        "email": f"accounts@{code}.example",
        "phone": None,
        "address_lines": ("14 Marine Lines", "Mumbai 400020, Maharashtra"),
        "country": "IN",
        "state_code": "27",
        "gstin": MAHARASHTRA_GSTIN,
        "tax_category": "registered",
    }
    customer = NewCustomer(**{**facts, **customer_changes})
    account = NewAccount(code, customer.code, mode, currency, time_zone, (code,), f"otp-{currency.lower()}")
    open_accounts(wiring.administration(), [customer], [account], author=AUTHOR)
    return code


def an_event(
    alias: str, *, at: datetime = MID_OCTOBER, meter: str = "otp.delivered", quantity: int = 1, **properties: str
) -> bytes:
    """A usage event with an id of its own, by SMS unless told otherwise."""
    event = {
        "specversion": "1.0",
        "id": f"event-{next(_serial)}",
        "source": "/tests",
        "type": meter,
        "subject": alias,
        "time": at.isoformat(),
        "data": {"quantity": quantity, **(properties or {"channel": "sms"})},
    }
    return json.dumps(event).encode()


def book(
    database: Engine, events: Sequence[bytes], *, received_at: datetime = RECEIVED_AT, warehouse: bool = True
) -> Metered:
    """Meter events as the worker does, and send them on to ClickHouse."""
    with database.connect() as connection:
        first = connection.execute(text(_NEXT_OFFSET), {"topic": TOPIC}).scalar_one()
    micros = int(received_at.timestamp()) * 1_000_000
    records = [Record(Origin(TOPIC, 0, first + place, micros), event) for place, event in enumerate(events)]
    metered = _meter(records)
    if warehouse:
        send_to_warehouse()
    return metered


def _meter(records: Sequence[Record]) -> Metered:
    store = metering_wiring.metering_store("tests")
    try:
        return metering_wiring.metering(store).meter(records)
    finally:
        store.close()


def send_to_warehouse() -> None:
    """Everything booked and not sent yet, to ClickHouse."""
    outbox, destination = metering_wiring.outbox(), metering_wiring.warehouse()
    while warehouse_next(outbox, destination, events_max=10_000, certain=True) is not None:
        pass
