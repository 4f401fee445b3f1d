"""Builders of payment and config events, as a producer sends them and as Kafka gives their records."""

import json
from collections.abc import Sequence
from typing import Any

from domain.receiving import Family
from invoicing.records import Record
from tests.builders_usage import HAPPENED_AT, an_origin

TIME = HAPPENED_AT.isoformat().replace("+00:00", "Z")


def a_payment_document(event_id: str = "evt-1", *, without: Sequence[str] = (), **changes: Any) -> dict[str, Any]:
    """A payment event as a JSON object: ₹1,180 captured by Razorpay for acme. `without` leaves attributes out."""
    document = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/gateways/razorpay",
        "type": "payment.captured",
        "subject": "acme",
        "time": TIME,
        "data": {"gateway": "razorpay", "reference": "pay_29QQoUBi66xm2f", "amount_minor": 118_000, "currency": "INR"},
    }
    return {name: value for name, value in {**document, **changes}.items() if name not in without}


def a_config_document(event_id: str = "change-1", *, without: Sequence[str] = (), **changes: Any) -> dict[str, Any]:
    """A config event as a JSON object: an alias was mapped to acme."""
    document = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/otpless/admin",
        "type": "alias.mapped",
        "subject": "acme-web",
        "time": TIME,
        "data": {"account": "acme", "from": TIME},
    }
    return {name: value for name, value in {**document, **changes}.items() if name not in without}


def a_document(family: Family, event_id: str = "event-1", **changes: Any) -> dict[str, Any]:
    """An event of a family as a JSON object."""
    build = a_payment_document if family is Family.PAYMENT else a_config_document
    return build(event_id, **changes)


def an_event(family: Family, event_id: str = "event-1", **changes: Any) -> bytes:
    """The bytes of `a_document`."""
    return json.dumps(a_document(family, event_id, **changes)).encode()


def another_body(family: Family) -> dict[str, Any]:
    """Changes that make another event of the same id."""
    data = a_document(family)["data"]
    return {"data": {**data, **({"amount_minor": 1} if family is Family.PAYMENT else {"account": "bolt"})}}


class FamilyTopic:
    """Partitions of a family's topic that remember how far they are."""

    def __init__(self, family: Family) -> None:
        self.name = f"test.{family.topic}"
        self._next: dict[int, int] = {}

    def append(self, *values: bytes, partition: int = 0) -> list[Record]:
        """Records with the next offsets."""
        first = self._next.get(partition, 0)
        self._next[partition] = first + len(values)
        return [
            Record(an_origin(first + place, partition=partition, topic=self.name), value)
            for place, value in enumerate(values)
        ]
