"""Topics: created once as they are defined, checked by name and number of partitions, with a sentence for what is wrong."""

import pytest

from connectors.kafka.topics import Topic, TopicAdmin, defined_topics
from connectors.settings import PROJECT_ROOT, settings
from domain.errors import EngineUnavailable, WrongSetup
from domain.usage import RECORD_BYTES_MAX
from tests.kafka_topics import topics

DEFINITION = PROJECT_ROOT / "infra" / "kafka" / "topics.yml"


def test_the_topics_of_this_system_are_defined_under_the_installations_prefix():
    defined = {topic.name: topic for topic in defined_topics(DEFINITION, prefix="test.")}
    assert {
        "test.usage.events",
        "test.usage.events.dead-letter",
        "test.usage.events.conflict",
        "test.usage.rated",
    } <= defined.keys()


@pytest.mark.parametrize("family", ["usage", "payment", "config"])
def test_each_family_has_room_for_oversized_records_and_places_for_what_is_refused(family):
    defined = {topic.name: topic for topic in defined_topics(DEFINITION, prefix="")}
    events, letters = defined[f"{family}.events"], defined[f"{family}.events.dead-letter"]
    assert letters.max_message_bytes > events.max_message_bytes > 5 * RECORD_BYTES_MAX
    assert defined[f"{family}.events.conflict"].max_message_bytes >= events.max_message_bytes


@pytest.mark.engines
def test_creating_again_changes_nothing_and_the_check_passes():
    admin = TopicAdmin(settings().kafka_bootstrap)
    with topics("usage.events", partitions=3) as prefix:
        wanted = [Topic(prefix + "usage.events", 3, 1, 1_000_000)]
        assert admin.create_missing(wanted) == []
        assert admin.partitions()[prefix + "usage.events"] == 3
        admin.check(wanted)
        with pytest.raises(WrongSetup, match=r"has 3 partitions, infra/kafka/topics.yml says 8: change one of the two"):
            admin.check([Topic(prefix + "usage.events", 8, 1, 1_000_000)])


@pytest.mark.engines
def test_a_missing_topic_is_named_with_the_way_out():
    with pytest.raises(WrongSetup, match="Kafka has no topic nowhere, nowhere-else: run `billing topics create`"):
        TopicAdmin(settings().kafka_bootstrap).check([Topic("nowhere", 1, 1, 1), Topic("nowhere-else", 1, 1, 1)])


def test_a_broker_that_does_not_answer_is_one_sentence(monkeypatch):
    monkeypatch.setattr("connectors.kafka.topics._TIMEOUT_SECONDS", 0.5)
    with pytest.raises(EngineUnavailable, match=r"Kafka does not answer on 127.0.0.1:1 \(.*\): start it with `make up`"):
        TopicAdmin("127.0.0.1:1").partitions()
