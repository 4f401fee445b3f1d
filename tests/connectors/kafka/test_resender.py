"""Released events go back to the topic they came from, one record each, keyed by alias, in order."""

import pytest

from connectors.kafka.resender import KafkaResender
from connectors.settings import settings
from domain.errors import EngineUnavailable
from domain.usage import RECORD_BYTES_MAX
from invoicing.sending_again import EventToSend
from tests.kafka_topics import read_all, topics

pytestmark = pytest.mark.engines


def test_events_are_sent_with_their_bytes_and_their_alias_as_key_in_order():
    with topics("usage.events", partitions=4) as prefix:
        events = [EventToSend(number, prefix + "usage.events", b'{"n": %d}' % number, key="shop") for number in range(50)]
        KafkaResender(settings().kafka_bootstrap).send(events)
        sent = read_all(prefix + "usage.events", 50)
    assert [(record.key(), record.value()) for record in sent] == [(b"shop", event.payload) for event in events]


def test_the_largest_event_there_can_be_is_sent_too():
    with topics("usage.events", partitions=1) as prefix:
        largest = EventToSend(1, prefix + "usage.events", b"x" * RECORD_BYTES_MAX, key="shop")
        KafkaResender(settings().kafka_bootstrap).send([largest])
        (record,) = read_all(prefix + "usage.events", 1)
    assert record.value() == largest.payload


def test_an_event_the_broker_does_not_take_is_one_sentence():
    with topics("usage.events", partitions=1) as prefix:
        larger = EventToSend(1, prefix + "usage.events", b"x" * 17_000_000, key="shop")
        with pytest.raises(EngineUnavailable, match=r"Kafka does not take events \(.*\): see `make status`"):
            KafkaResender(settings().kafka_bootstrap).send([larger])
