"""Results on their topics: acknowledged by the broker, keyed by account; refusals with reason and origin."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from connectors.kafka.announcer import KafkaAnnouncer
from connectors.settings import settings
from domain.errors import EngineUnavailable
from invoicing.publish_usage import Announcement, RatedEvent, RefusedEvent
from tests.kafka_topics import read_all, topics

pytestmark = pytest.mark.engines

RATED = RatedEvent(
    batch_id=7,
    event_key=UUID(int=1),
    event_time=datetime(2026, 10, 15, 17, 30, 0, 250_000, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    received_at=datetime(2026, 10, 15, 12, 0, 1, tzinfo=UTC),
    source="/otpless/core",
    event_id="event-1",
    alias="shop",
    account="acme",
    customer="customer-acme",
    meter="otp.delivered",
    price_cell="sms/*",
    plan_version="otp-inr v1",
    currency="INR",
    quantity_millionths=2_500_000,
    amount_micros=2**63 - 1,
    properties='{"channel":"sms","ratio":0.10}',
)
LETTER = RefusedEvent("usage.events", 3, 41, None, "not_json", "das ist kein JSON ✗", b"\xff\x00")
CONFLICT = RefusedEvent("usage.events", 3, 42, 5, "conflict", "another body", b"{}")


@pytest.fixture(scope="module")
def prefix():
    with topics("usage.rated", "usage.events.dead-letter", "usage.events.conflict") as prefix:
        yield prefix


def test_results_arrive_on_their_topics(prefix):
    KafkaAnnouncer(settings().kafka_bootstrap, prefix=prefix).announce(Announcement([7], [RATED], [LETTER], [CONFLICT]))

    (rated,) = read_all(prefix + "usage.rated", 1)
    assert rated.key() == b"acme"
    event = json.loads(rated.value())
    assert (event["specversion"], event["type"], event["id"], event["subject"]) == (
        "1.0",
        "usage.rated",
        str(UUID(int=1)),
        "acme",
    )
    assert datetime.fromisoformat(event["time"]) == RATED.event_time
    assert event["data"] == {
        "source": "/otpless/core",
        "event_id": "event-1",
        "alias": "shop",
        "customer": "customer-acme",
        "meter": "otp.delivered",
        "price_cell": "sms/*",
        "plan_version": "otp-inr v1",
        "currency": "INR",
        "quantity_millionths": 2_500_000,
        "amount_micros": 2**63 - 1,
        "batch_id": 7,
        "properties": {"channel": "sms", "ratio": 0.1},
    }
    assert b'"ratio":0.10' in rated.value()

    (letter,) = read_all(prefix + "usage.events.dead-letter", 1)
    assert letter.value() == b"\xff\x00"
    assert {name: value.decode() for name, value in letter.headers()} == {
        "reason": "not_json",
        "detail": "das ist kein JSON ✗",
        "origin-topic": "usage.events",
        "origin-partition": "3",
        "origin-offset": "41",
        "origin-index": "",
    }

    (conflict,) = read_all(prefix + "usage.events.conflict", 1)
    assert dict(conflict.headers())["origin-index"] == b"5"


def test_nothing_to_announce_sends_nothing(prefix):
    announcer = KafkaAnnouncer(settings().kafka_bootstrap, prefix=prefix)
    announcer.announce(Announcement([7], [], [], []))
    announcer.announce(Announcement([8], [RATED], [], []))

    (record,) = read_all(prefix + "usage.rated", 1)
    assert record.offset() == 0


def test_a_record_the_broker_does_not_take_is_one_sentence_and_does_not_spoil_the_next(prefix):
    announcer = KafkaAnnouncer(settings().kafka_bootstrap, prefix=prefix)
    huge = RefusedEvent("usage.events", 0, 0, None, "record_too_large", "too large", b"x" * 17_000_000)
    with pytest.raises(EngineUnavailable, match=r"Kafka does not take results \(.*\): see `make status`"):
        announcer.announce(Announcement([7], [], [huge], []))
    announcer.announce(Announcement([7], [RATED], [], []))
