"""Config events of every type, and a topic and a worker they are applied by in a test."""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from connectors import receiving_wiring
from domain.config_changes import ConfigType
from domain.receiving import Family
from invoicing.receive_events import Receipt
from invoicing.records import Record
from tests.builders_customers import a_customer_document, an_account_document
from tests.builders_received import TIME, FamilyTopic

_serial = count(1)


def a_change(
    type_: ConfigType | str,
    subject: str,
    data: Mapping[str, Any] | None = None,
    *,
    event_id: str | None = None,
    **changes: Any,
) -> bytes:
    """The bytes of a config event, with an id of its own unless told otherwise."""
    event = {
        "specversion": "1.0",
        "id": event_id or f"change-{next(_serial)}",
        "source": "/otpless/admin",
        "type": str(type_),
        "subject": subject,
        "time": TIME,
        "data": dict(data or {}),
    }
    return json.dumps({**event, **changes}).encode()


def a_customer_created(**changes: Any) -> bytes:
    """acme is a customer."""
    document = a_customer_document(**changes)
    return a_change(ConfigType.CUSTOMER_CREATED, document.pop("code"), document)


def an_account_opened(**changes: Any) -> bytes:
    """acme-live is an account of acme, on a plan, named acme-web by events."""
    document = an_account_document(**{"plan": "otp-inr", "aliases": ["acme-web"], **changes})
    return a_change(ConfigType.ACCOUNT_OPENED, document.pop("code"), document)


class Configuring:
    """A worker that applies what a topic holds."""

    def __init__(self, topic: FamilyTopic | None = None) -> None:
        self.topic = topic or FamilyTopic(Family.CONFIG)
        self.store = receiving_wiring.receiving_store(Family.CONFIG, "worker")
        self.receiving = receiving_wiring.receiving(Family.CONFIG, self.store)

    def append(self, *changes: bytes, partition: int = 0) -> list[Record]:
        """Records with the next offsets."""
        return self.topic.append(*changes, partition=partition)

    def take(self, records: Sequence[Record]) -> Receipt:
        """Receive records."""
        return self.receiving.receive(records)

    def apply(self, *changes: bytes) -> Receipt:
        """Put events on the topic, and receive them."""
        return self.take(self.append(*changes))
