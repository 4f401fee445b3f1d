"""Reading the topic of notifications as a group: a record is acknowledged when it is kept, and read again until then."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from domain.errors import EngineUnavailable
from invoicing.notice_ports import Notice, TakenNotice

_AT_ONCE: Final = 200
_WAIT_SECONDS: Final = 0.5
_TEXT_MAX: Final = 256
_PASSING: Final = {KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}
"""What the client gets over by itself."""


class _Event(msgspec.Struct):
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]


_DECODER: Final = msgspec.json.Decoder(_Event)


class NoticesTopic:
    """The topic, read by one member of its group."""

    def __init__(self, bootstrap: str, *, topic: str, group: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 10_000,
                "log_level": 2,
            }
        )
        self._consumer.subscribe([topic])
        self._taken: list[Message] = []

    def take(self) -> Sequence[TakenNotice]:
        """Records that are not done, the same again until they are; waits a little for some. Raises EngineUnavailable."""
        if not self._taken:
            self._taken = [message for message in self._consumed() if self._is_record(message)]
        return [_taken(message) for message in self._taken]

    def done(self) -> None:
        """What was taken is kept. An acknowledgement that fails means only that it is read again, and known then."""
        last = {(message.topic(), message.partition()): message for message in self._taken}
        self._taken = []
        for message in last.values():
            with suppress(KafkaException):
                self._consumer.commit(message=message, asynchronous=False)

    def close(self) -> None:
        """Leave the group, so that another member goes on at once."""
        self._consumer.close()

    def _consumed(self) -> list[Message]:
        try:
            return list(self._consumer.consume(_AT_ONCE, timeout=_WAIT_SECONDS))
        except KafkaException as error:
            raise EngineUnavailable(f"Kafka does not answer ({error.args[0].str()}): start it with `make up`") from error

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is not None and error.code() not in _PASSING:
            raise EngineUnavailable(f"Kafka does not let the notifications be read ({error.str()}): see `make status`")
        return error is None


def _storable(data: dict[str, Any]) -> bool:
    try:
        json.dumps(data, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


def _taken(message: Message) -> TakenNotice:
    payload = message.value() or b""
    place = (str(message.topic()), int(message.partition() or 0), int(message.offset() or 0), payload)
    try:
        event = _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return TakenNotice(*place, None, f"not a CloudEvent of ours: {error}"[:400])
    if max(map(len, (event.id, event.source, event.type, event.subject))) > _TEXT_MAX or not _storable(event.data):
        return TakenNotice(*place, None, "not a CloudEvent of ours: a text is too long, or a number without an end")
    if event.time.tzinfo is None or "\0" in payload.decode(errors="replace") or b"\\u0000" in payload:
        return TakenNotice(*place, None, "not a CloudEvent of ours: its time has no zone, or a text holds a zero byte")
    return TakenNotice(*place, Notice(event.source, event.id, event.type, event.subject, event.data, event.time))
