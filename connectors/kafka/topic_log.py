"""A topic as Kafka keeps it, read by offset and without a consumer group."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from domain.errors import EngineUnavailable, InvalidInput, WrongSetup
from domain.metering import Origin
from invoicing.records import Record
from invoicing.replay_ports import OffsetSpan

_TIMEOUT_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.2
"""How long a poll waits for more records: it waits that long whenever there are fewer than it may take."""
_SILENT_POLLS_MAX: Final = 150
"""Polls without a record or the partition's end, after which the broker is taken for dead: half a minute."""
_AT_ONCE: Final = 500


class KafkaTopicLog:
    """One topic of one broker."""

    def __init__(self, bootstrap: str, *, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "billing-replay",  # required by the library; nothing is ever committed to it
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_uncommitted",  # as the worker reads
                "log_level": 0,
            }
        )

    def spans(self, *, start: datetime | None, end: datetime | None, partition: int | None) -> Mapping[int, OffsetSpan]:
        """By partition: the offsets of records appended in [start, end) that Kafka still has; empty spans are left out."""
        metadata = _asked(lambda: self._consumer.list_topics(self._topic, timeout=_TIMEOUT_SECONDS)).topics[self._topic]
        if metadata.error is not None:
            raise WrongSetup(f"Kafka has no topic {self._topic}: `billing topics check` lists them")
        if partition is not None and partition not in metadata.partitions:
            raise InvalidInput(f"partition: {self._topic} has {len(metadata.partitions)} partitions, from 0 on")
        found = {}
        for number in sorted(metadata.partitions) if partition is None else [partition]:
            target = TopicPartition(self._topic, number)
            low, high = _asked(partial(self._consumer.get_watermark_offsets, target, timeout=_TIMEOUT_SECONDS))
            span = OffsetSpan(self._offset(number, start, low, high), self._offset(number, end, high, high))
            if span.first < span.following:
                found[number] = span
        return found

    def _offset(self, number: int, moment: datetime | None, otherwise: int, high: int) -> int:
        if moment is None:
            return otherwise
        asked = TopicPartition(self._topic, number, int(moment.timestamp()) * 1000 + moment.microsecond // 1000)
        (answer,) = _asked(lambda: self._consumer.offsets_for_times([asked], timeout=_TIMEOUT_SECONDS))
        return high if answer.offset < 0 else answer.offset

    def read(self, partition: int, span: OffsetSpan) -> Iterator[list[Record]]:
        """The records of a span in order, some at a time. Raises EngineUnavailable unless it reached the end."""
        self._consumer.assign([TopicPartition(self._topic, partition, span.first)])
        reached, silent_polls = span.first, 0
        while reached < span.following:
            messages = _asked(lambda: self._consumer.consume(_AT_ONCE, timeout=_POLL_SECONDS))
            silent_polls = 0 if messages else silent_polls + 1
            if silent_polls == _SILENT_POLLS_MAX:
                raise EngineUnavailable(f"Kafka sends nothing of {self._topic}: see `make status`, then run this again")
            records = []
            for message in messages:
                reached = self._reached(message)
                if message.error() is None and message.offset() < span.following:
                    origin = Origin(self._topic, partition, message.offset(), message.timestamp()[1] * 1000)
                    records.append(Record(origin, message.value() or b""))
            if records:
                yield records

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _reached(self, message: Any) -> int:
        """The offset reading has come to: behind a record, or the end of the partition."""
        error = message.error()
        if error is None:
            return int(message.offset()) + 1
        if error.code() == KafkaError._PARTITION_EOF:
            return int(message.offset())
        raise EngineUnavailable(f"Kafka does not let {self._topic} be read ({error.str()}): see `make status`")


def _asked(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except KafkaException as error:
        raise EngineUnavailable(f"Kafka does not answer ({error.args[0].str()}): start it with `make up`") from error
