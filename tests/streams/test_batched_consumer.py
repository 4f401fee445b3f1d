"""The batched consumer: a whole fetch of a topic is one event, and only what was acknowledged without a gap is committed."""

from collections import defaultdict
from types import SimpleNamespace

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams import batched_consumer
from streams.batched_consumer import BatchedConsumer, BatchedTransport

PARTITION = TP("usage.events", 0)
OTHER = TP("usage.events", 1)
APP = SimpleNamespace(topics=SimpleNamespace(acks_enabled_for=lambda topic: True), consumer_generation_id=1)


def records(start, end, *, partition=PARTITION):
    """Records of a fetch, as aiokafka has them."""
    common = {"timestamp_type": 1, "key": b"acme", "value": b"{}", "headers": (), "checksum": None}
    place = {"topic": partition.topic, "partition": partition.partition}
    return [
        SimpleNamespace(**place, offset=offset, timestamp=1_700_000_000_000 + offset, **common)
        for offset in range(start, end)
    ]


def bookkeeping(consumer):
    """What Faust's own consumer keeps of acknowledgements; no broker."""
    consumer.app = APP
    consumer._acked = defaultdict(list)
    consumer._acked_index = defaultdict(set)
    consumer._committed_offset = defaultdict(lambda: None)
    consumer._unacked_messages = set()
    consumer._waiting_for_ack = None


def a_consumer():
    """A consumer without a broker: Faust's bookkeeping around ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver.Consumer, "__init__", bookkeeping)
        return BatchedConsumer()


@pytest.fixture
def consumer():
    return a_consumer()


async def fetch(consumer, monkeypatch, fetched):
    async def getmany(*_):
        return fetched

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    return await consumer._getmany(None, 1.0)


def hand_out(consumer, *spans, partition=PARTITION):
    """Messages the agent gets: one for each fetch."""
    return [hand_out_one(consumer, {partition: records(start, end, partition=partition)}) for start, end in spans]


def hand_out_one(consumer, fetched):
    """The message of a fetch of one topic."""
    ((carrier, (one,)),) = batched_consumer._one_record_a_topic(fetched).items()
    return consumer._to_message(carrier, one)


async def test_a_fetch_of_a_topic_is_one_message_that_holds_the_records_of_every_partition(consumer, monkeypatch):
    fetched = await fetch(consumer, monkeypatch, {PARTITION: records(0, 40), OTHER: records(7, 8, partition=OTHER)})
    ((carrier, (one,)),) = fetched.items()
    message = consumer._to_message(carrier, one)
    places = [(record.partition, record.offset) for record in message.value.records]
    assert places == [(0, offset) for offset in range(40)] + [(1, 7)]
    assert (message.offset, message.topic, message.partition) == (39, "usage.events", 0)


async def test_topics_are_messages_of_their_own(consumer, monkeypatch):
    payments = TP("payment.events", 1)
    fetched = await fetch(consumer, monkeypatch, {PARTITION: records(0, 1), payments: records(0, 2, partition=payments)})
    assert {topic: len(one.value.records) for (topic, _), (one,) in fetched.items()} == {
        "usage.events": 1,
        "payment.events": 2,
    }


async def test_a_partition_without_records_is_no_part_of_a_message(consumer, monkeypatch):
    fetched = await fetch(consumer, monkeypatch, {PARTITION: [], OTHER: records(0, 1, partition=OTHER)})
    assert fetched.keys() == {OTHER}
    assert await fetch(consumer, monkeypatch, {}) == {}


def test_acknowledging_a_fetch_acknowledges_it_in_every_partition(consumer):
    both = hand_out_one(consumer, {PARTITION: records(0, 40), OTHER: records(7, 9, partition=OTHER)})
    assert (consumer._new_offset(PARTITION), consumer._new_offset(OTHER)) == (None, None)
    consumer.ack(both)
    assert (consumer._new_offset(PARTITION), consumer._new_offset(OTHER)) == (40, 9)


def test_a_fetch_in_progress_holds_back_each_of_its_partitions(consumer):
    both = hand_out_one(consumer, {PARTITION: records(0, 40), OTHER: records(7, 9, partition=OTHER)})
    later = hand_out_one(consumer, {OTHER: records(9, 20, partition=OTHER)})
    consumer.ack(later)
    assert consumer._new_offset(OTHER) is None
    consumer.ack(both)
    assert (consumer._new_offset(PARTITION), consumer._new_offset(OTHER)) == (40, 20)


async def test_the_broker_gathers_records_only_while_they_come(monkeypatch):
    answers = [{PARTITION: records(0, 1)}, {}]
    asked = []

    async def fetch_records(self, consumer, *_):
        asked.append((consumer._fetcher._fetch_min_bytes, consumer._fetcher._fetch_max_wait_ms))
        return answers.pop(0) if answers else {}

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetch_records)
    thread = object.__new__(batched_consumer.PromptConsumerThread)
    consumer = SimpleNamespace(_fetcher=SimpleNamespace(_fetch_min_bytes=1, _fetch_max_wait_ms=1500))
    for _ in range(3):
        await thread._fetch_records(consumer, None)
    assert asked == [(1, 1500), (128 * 1024, 6), (1, 500)]


def test_what_is_acknowledged_in_order_is_committed_behind_its_last_record(consumer):
    first, second = hand_out(consumer, (0, 40), (40, 45))
    consumer.ack(first)
    assert consumer._new_offset(PARTITION) == 40
    consumer.ack(second)
    assert consumer._new_offset(PARTITION) == 45


def test_nothing_acknowledged_is_nothing_to_commit(consumer):
    hand_out(consumer, (0, 40))
    assert consumer._new_offset(PARTITION) is None
    assert consumer._new_offset(OTHER) is None


def test_an_offset_is_committed_once(consumer):
    (first,) = hand_out(consumer, (0, 40))
    consumer.ack(first)
    consumer.ack(first)
    assert consumer._new_offset(PARTITION) == 40
    assert consumer._new_offset(PARTITION) is None
    assert consumer._acked[PARTITION] == []


def test_a_fetch_in_progress_holds_back_everything_after_it(consumer):
    first, second, third = hand_out(consumer, (0, 10), (10, 20), (20, 30))
    consumer.ack(second)
    consumer.ack(third)
    assert consumer._new_offset(PARTITION) is None
    consumer.ack(first)
    assert consumer._new_offset(PARTITION) == 30


def test_partitions_do_not_hold_each_other_back(consumer):
    (mine,), (other,) = hand_out(consumer, (0, 10)), hand_out(consumer, (5, 6), partition=OTHER)
    consumer.ack(other)
    assert (consumer._new_offset(PARTITION), consumer._new_offset(OTHER)) == (None, 6)
    consumer.ack(mine)
    assert consumer._new_offset(PARTITION) == 10


async def test_offsets_inside_an_event_are_never_taken_for_a_gap(consumer):
    hand_out(consumer, (0, 10))
    await consumer._add_gap(PARTITION, 0, 10)
    assert consumer._new_offset(PARTITION) is None


async def test_a_partition_taken_away_and_given_back_is_committed_from_where_it_starts_again(consumer, monkeypatch):
    async def revoked(self, partitions):
        for partition in partitions:
            self._acked.pop(partition, None)
            self._acked_index.pop(partition, None)

    monkeypatch.setattr(driver.Consumer, "on_partitions_revoked", revoked)
    unfinished, later = hand_out(consumer, (0, 10), (10, 20))
    (other,) = hand_out(consumer, (0, 3), partition=OTHER)
    consumer.ack(later)
    await consumer.on_partitions_revoked({PARTITION})
    (again,) = hand_out(consumer, (0, 15))
    consumer.ack(unfinished)
    assert consumer._new_offset(PARTITION) is None
    consumer.ack(again)
    assert consumer._new_offset(PARTITION) == 15
    consumer.ack(other)
    assert consumer._new_offset(OTHER) == 3


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_in_any_order_of_acknowledging_no_offset_is_committed_beyond_the_first_unfinished_fetch(lengths, random):
    consumer = a_consumer()
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    messages = hand_out(consumer, *((end - length, end) for end, length in zip(ends, lengths, strict=True)))
    done, committed = set(), 0
    for number in random.sample(range(len(messages)), len(messages)):
        consumer.ack(messages[number])
        done.add(number)
        unbroken = next((place for place in range(len(messages)) if place not in done), len(messages))
        committed = consumer._new_offset(PARTITION) or committed
        assert committed == (ends[unbroken - 1] if unbroken else 0)
    assert committed == ends[-1]


def test_the_transport_uses_it():
    assert BatchedTransport.Consumer is BatchedConsumer
