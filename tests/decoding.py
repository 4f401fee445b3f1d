"""Decoding one record in a test: the event it holds, or the dead letter it leaves."""

import json

from connectors.kafka.usage_events import decode_records
from domain.metering import DeadLetter
from domain.usage import UsageEvent
from tests.builders_usage import a_record, a_usage_event, an_event_document

EVENT = a_usage_event()


def decoded(value: bytes) -> UsageEvent:
    """The one event a record holds."""
    events, dead = decode_records([a_record(value)])
    assert [(letter.reason, letter.detail) for letter in dead] == []
    (received,) = events
    return received.event


def refused(value: bytes) -> DeadLetter:
    """The one dead letter a record leaves."""
    events, dead = decode_records([a_record(value)])
    assert events == []
    (letter,) = dead
    return letter


def with_data(text: str) -> bytes:
    """An event whose data is this JSON text."""
    return EVENT.replace(json.dumps(an_event_document()["data"]).encode(), text.encode())
