"""Records of the topic of notifications: ours are read, anything else is kept with a reason and holds nobody up."""

import json

import pytest

from connectors.kafka.notices_topic import _taken
from tests.builders_notices import NOON

EVENT = {
    "specversion": "1.0",
    "id": "9",
    "source": "/otpless/billing",
    "type": "notification.wallet_alert",
    "subject": "acme",
    "time": NOON.isoformat(),
    "data": {"currency": "INR", "name": "नाम"},
}


class Message:
    """A record as the client hands it over."""

    def __init__(self, payload):
        self._payload = payload

    def value(self):
        return self._payload

    def topic(self):
        return "test.notifications"

    def partition(self):
        return 1

    def offset(self):
        return 7


def test_a_record_of_ours_is_read():
    taken = _taken(Message(json.dumps(EVENT).encode()))
    assert (taken.topic, taken.partition, taken.offset) == ("test.notifications", 1, 7)
    assert (taken.notice.event_id, taken.notice.account, taken.notice.occurred_at) == ("9", "acme", NOON)
    assert taken.notice.data == EVENT["data"]


@pytest.mark.parametrize(
    "payload",
    [
        None, b"", b"\xff", b"null", b"[]", b"{}", b"[" * 100_000,
        json.dumps({**EVENT, "time": "2026-11-29T12:00:00"}).encode(),
        json.dumps({**EVENT, "id": 9}).encode(),
        json.dumps({**EVENT, "id": "9" * 5_000}).encode(),
        json.dumps({**EVENT, "subject": "a\0b"}).encode(),
        json.dumps({**EVENT, "data": {"balance_micros": 1}}).replace(": 1}", ": 1e999}").encode(),
        json.dumps({**EVENT, "data": "x"}).encode(),
    ],
)  # fmt: skip
def test_anything_else_is_kept_as_it_came_with_a_reason(payload):
    taken = _taken(Message(payload))
    assert taken.notice is None
    assert taken.reason.startswith("not a CloudEvent of ours: ")
    assert taken.payload == (payload or b"")
