"""Results on their topics: acknowledged by the broker, accounts in partitions; refusals with reason and origin."""

import json
from uuid import UUID

import pytest

from connectors.kafka.announcer import KafkaAnnouncer
from connectors.settings import settings
from domain.errors import EngineUnavailable
from invoicing.publish_usage import Announcement, RefusedEvent
from tests.kafka_topics import read_all, topics
from tests.rated_texts import a_rated_batch, a_rated_text

pytestmark = pytest.mark.engines

RATED = a_rated_batch(a_rated_text(amount_micros=str(2**63 - 1), properties='{"channel":"sms","ratio":0.10}'))
LETTER = RefusedEvent("usage.events", 3, 41, None, "not_json", "das ist kein JSON ✗", b"\xff\x00")
CONFLICT = RefusedEvent("usage.events", 3, 42, 5, "conflict", "another body", b"{}")


@pytest.fixture(scope="module")
def prefix():
    with topics("usage.rated", "usage.events.dead-letter", "usage.events.conflict") as prefix:
        yield prefix


def test_results_arrive_on_their_topics(prefix):
    KafkaAnnouncer(settings().kafka_bootstrap, prefix=prefix).announce(Announcement([7], [RATED], [LETTER], [CONFLICT]))

    (rated,) = read_all(prefix + "usage.rated", 1)
    assert (rated.partition(), rated.headers()) == (1, [("content-type", b"application/cloudevents-batch+json")])
    (event,) = json.loads(rated.value())
    assert (event["specversion"], event["type"], event["id"], event["subject"]) == (
        "1.0",
        "usage.rated",
        str(UUID(int=1)),
        "acme",
    )
    assert (event["data"]["event_id"], event["data"]["amount_micros"]) == ("event-1", 2**63 - 1)
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


def test_an_accounts_events_are_in_one_partition_in_their_order_in_arrays_that_fit():
    with topics("usage.rated", partitions=3) as prefix:
        announcer = KafkaAnnouncer(settings().kafka_bootstrap, prefix=prefix)
        batches = [
            a_rated_batch(
                *(
                    a_rated_text(account_id=str(number % 7), event_id=f"{number}", batch_id=str(batch))
                    for number in range(batch * 2_000, batch * 2_000 + 2_000)
                ),
                partitions=3,
            )
            for batch in range(2)
        ]
        announcer.announce(Announcement([0, 1], batches, [], []))

        places = {}
        sizes = []
        for record in read_all(prefix + "usage.rated", 10):
            array = json.loads(record.value())
            sizes.append(len(array))
            for event in array:
                places.setdefault(event["subject"], []).append((record.partition(), int(event["data"]["event_id"])))
    assert (sum(sizes), max(sizes)) == (4_000, 500)
    assert len(places) == 7
    for found in places.values():
        assert len({partition for partition, _ in found}) == 1
        numbers = [number for _, number in found]
        assert numbers == sorted(numbers)


def test_large_events_make_small_arrays():
    large = '{"text":"' + "x" * 60_000 + '"}'
    batch = a_rated_batch(*(a_rated_text(event_id=f"large-{number}", properties=large) for number in range(40)))
    with topics("usage.rated") as prefix:
        KafkaAnnouncer(settings().kafka_bootstrap, prefix=prefix).announce(Announcement([9], [batch], [], []))
        arrays = [record.value() for record in read_all(prefix + "usage.rated", 3)]
    assert sum(len(json.loads(array)) for array in arrays) == 40
    assert max(map(len, arrays)) < 1_000_100
