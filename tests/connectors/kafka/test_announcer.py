"""Results on their topics: acknowledged by the broker, keyed by account; refusals with reason and origin."""

import json
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
    event_key=str(UUID(int=1)),
    event_micros=1_792_065_600_250_001,
    received_micros=1_792_065_601_000_000,
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
    assert event["time"] == "2026-10-15T12:00:00.250001Z"
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


def test_an_accounts_records_are_in_one_partition_in_their_order(prefix):
    announcer = KafkaAnnouncer(settings().kafka_bootstrap, prefix=prefix)
    rated = [RATED._replace(account=f"account-{n % 7}", event_id=f"ordered-{n}") for n in range(700)]
    announcer.announce(Announcement([9], rated, [], []))

    places = {}
    for record in read_all(prefix + "usage.rated", 703):
        if b"ordered-" in record.value():
            places.setdefault(record.key(), []).append((record.partition(), json.loads(record.value())["data"]["event_id"]))
    assert len(places) == 7
    for found in places.values():
        assert len({partition for partition, _ in found}) == 1
        numbers = [int(event_id.removeprefix("ordered-")) for _, event_id in found]
        assert numbers == sorted(numbers)
        assert len(numbers) == 100
