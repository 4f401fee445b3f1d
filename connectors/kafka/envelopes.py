"""Decoding payment and config events: CloudEvents 1.0 in JSON, one event or an array of them a record.

The rules of the envelope are those of usage events (connectors/kafka/usage_events.py, which is written for speed); what
`data` has to say is read by the family's own function. Schemas for producers: docs/schemas/.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from connectors.kafka.cloudevents import (
    EPOCH,
    MICROSECOND,
    WHITESPACE,
    members_of_array,
    refuse_repeated_keys,
    sentence,
    wrong_attribute,
)
from domain.metering import DeadLetter
from domain.receiving import Event, Received, body_digest
from domain.usage import (
    RECORD_BYTES_MAX,
    RefusalReason,
    Refused,
    TimeWindow,
    event_key,
)
from invoicing.records import Record

Fact = TypeVar("Fact")

_LongText = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _CloudEvent(msgspec.Struct):
    """The attributes this system reads; extension attributes are allowed and left alone."""

    specversion: Literal["1.0"]
    id: _LongText
    source: _LongText
    type: _ShortText
    subject: _ShortText
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: dict[str, Any]


_EVENT: Final = msgspec.json.Decoder(_CloudEvent, float_hook=Decimal)
_DATA: Final = msgspec.json.Encoder(order="sorted", decimal_format="number")


def decode_records(
    records: Iterable[Record], read: Callable[[Event], Fact], window: TimeWindow
) -> tuple[list[Received[Fact]], list[DeadLetter]]:
    """Read every event of some records; what cannot be read is returned as dead letters, never raised."""
    events: list[Received[Fact]] = []
    dead: list[DeadLetter] = []
    for record in records:
        try:
            members, whole = _members(record.value)
        except Refused as refused:
            dead.append(DeadLetter(record.origin, None, refused.reason, str(refused), record.value))
            continue
        for index, member in enumerate(members):
            payload = record.value if whole else member
            try:
                event = _decode(member)
                # An event that comes late is received all the same: the verdict only refuses a time that cannot be meant.
                window.verdict(event.time_micros, received_micros=record.origin.received_micros)
                events.append(Received(event, read(event), record.origin, index, payload))
            except Refused as refused:
                dead.append(DeadLetter(record.origin, None if whole else index, refused.reason, str(refused), payload))
    return events, dead


def _members(value: bytes) -> tuple[list[bytes], bool]:
    """The events of a record, as bytes, and whether the record is one event and no array."""
    if len(value) > RECORD_BYTES_MAX:
        raise Refused(
            RefusalReason.RECORD_TOO_LARGE,
            f"the record has {len(value):,} bytes: send at most {RECORD_BYTES_MAX:,}, in several records",
        )
    body = value.strip(WHITESPACE)
    if not body:
        raise Refused(RefusalReason.NOT_JSON, "the record is empty: send one CloudEvent or an array of them")
    if body[:1] == b"{":
        return [body], True
    return members_of_array(body), False


def _decode(text: bytes) -> Event:
    if text[:1] != b"{":
        shown = text[:40].decode(errors="replace")
        raise Refused(RefusalReason.NOT_AN_EVENT, f"an array of events holds {shown}: send one object for each event")
    try:
        event = _EVENT.decode(text)
        refuse_repeated_keys(text)
        data_json = _DATA.encode(event.data).decode()
    except msgspec.ValidationError as error:
        raise Refused(RefusalReason.FIELD, wrong_attribute(error)) from error
    except ArithmeticError as error:
        raise Refused(RefusalReason.FIELD, "a number is out of range: send it as a text") from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise Refused(RefusalReason.NOT_JSON, sentence("the event is not valid JSON", error)) from error
    if any("\0" in attribute for attribute in (event.id, event.source, event.type, event.subject)):
        raise Refused(RefusalReason.FIELD, "id, source, type and subject may not hold the character U+0000: leave it out")
    return Event(
        event.source,
        event.id,
        event.type,
        event.subject,
        (event.time - EPOCH) // MICROSECOND,
        event.data,
        data_json,
        event_key(event.source, event.id),
        body_digest(event.type, event.subject, data_json),
    )
