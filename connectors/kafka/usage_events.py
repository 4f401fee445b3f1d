"""Decoding usage events: CloudEvents 1.0 in JSON, one event or an array of them a record.

msgspec does the parsing and the type checks in C and names the path of a fault; what it cannot see (repeated keys,
nested properties, decimals) is checked here. Schema for producers: docs/schemas/usage-event.schema.json.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec

from connectors.kafka.cloudevents import (
    EPOCH,
    MICROSECOND,
    WHITESPACE,
    members_of_array,
    refuse_repeated_keys,
    sentence,
)
from domain.metering import DeadLetter, Origin, ReceivedEvent
from domain.usage import (
    EVENT_BYTES_MAX,
    NAMES_MAX,
    PROPERTIES_MAX,
    RECORD_BYTES_MAX,
    SEPARATORS_MAX,
    RefusalReason,
    Refused,
    UsageEvent,
    body_digest,
    event_key,
    quantity_millionths,
)
from invoicing.records import Record

_ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_FLAT_TYPES: Final = frozenset({str, int, bool, Decimal, type(None)})
_PROPERTY_TEXT_MAX: Final = 256
_INTEGER_MAX: Final = 2**63


class _CloudEvent(msgspec.Struct):
    """The attributes this system reads; extension attributes are allowed and left alone."""

    specversion: Literal["1.0"]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    type: _ShortText
    subject: _ShortText
    time: _Time
    data: dict[str, Any] = msgspec.field(default_factory=dict)


_DECODER: Final = msgspec.json.Decoder(_CloudEvent, float_hook=Decimal)
_PROPERTIES: Final = msgspec.json.Encoder(order="sorted", decimal_format="number")


def decode_records(records: Iterable[Record]) -> tuple[list[ReceivedEvent], list[DeadLetter]]:
    """Read every event of some records; what cannot be read is returned as dead letters, never raised."""
    events: list[ReceivedEvent] = []
    dead: list[DeadLetter] = []
    for record in records:
        value = record.value
        try:
            if value[:1] == b"{":
                events.append(ReceivedEvent(_decode(value), record.origin, 0, value))
                continue
            members = _members(value)
        except Refused as refused:
            dead.append(_dead_letter(record.origin, None, refused, value))
            continue
        for index, member in enumerate(members):
            try:
                events.append(ReceivedEvent(_decode(member), record.origin, index, member))
            except Refused as refused:
                dead.append(_dead_letter(record.origin, index, refused, member))
    return events, dead


def _members(value: bytes) -> list[bytes]:
    """The events of a record that does not begin with "{", as bytes."""
    _refuse_oversized(value)
    body = value.strip(WHITESPACE)
    if body[:1] == b"{":
        return [body]
    if not body:
        raise Refused(RefusalReason.NOT_JSON, "the record is empty: send one CloudEvent or an array of them")
    if body.count(b",") + body.count(b"[") + body.count(b"{") > SEPARATORS_MAX:
        raise Refused(
            RefusalReason.BATCH_SIZE,
            f"the array has more than {SEPARATORS_MAX:,} commas and brackets: send smaller records",
        )
    return members_of_array(body)


def _decode(text: bytes) -> UsageEvent:
    if len(text) > EVENT_BYTES_MAX:
        _refuse_oversized(text)
        raise Refused(RefusalReason.RECORD_TOO_LARGE, f"the event has {len(text):,} bytes: send at most {EVENT_BYTES_MAX:,}")
    if text[:1] != b"{":
        raise Refused(RefusalReason.NOT_AN_EVENT, f"an array of events holds {_shown(text)}: send one object for each event")
    try:
        event = _DECODER.decode(text)
        data = event.data
        # Every key of the text, and nothing else but an escaped quote before a colon, ends in `":` once blanks are gone;
        # so equality means no key came twice, and anything else is looked at exactly; so is empty data, which may be absent.
        names = text.translate(None, WHITESPACE).count(b'":')
        exact = bool(data) and names == 7 + len(data)
        quantity = quantity_millionths(data.pop("quantity", 1))
        _check_properties(data)
        if not exact:
            _refuse_many_or_repeated_keys(text, names)
        properties = _PROPERTIES.encode(data).decode()
    except msgspec.ValidationError as error:
        raise Refused(RefusalReason.FIELD, sentence("", error)) from error
    except ArithmeticError as error:
        raise Refused(RefusalReason.FIELD, "a number has an exponent that is out of range: send it as a text") from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise Refused(RefusalReason.NOT_JSON, sentence("the event is not valid JSON", error)) from error
    _refuse_unstorable(event)
    return UsageEvent(
        event.source,
        event.id,
        event.subject,
        event.type,
        (event.time - EPOCH) // MICROSECOND,
        quantity,
        data,
        properties,
        event_key(event.source, event.id),
        body_digest(event.type, event.subject, quantity, properties),
    )


def _refuse_unstorable(event: _CloudEvent) -> None:
    """PostgreSQL text holds every character but NUL."""
    if "\0" in event.id or "\0" in event.source or "\0" in event.type or "\0" in event.subject:
        raise Refused(RefusalReason.FIELD, "id, source, type and subject may not hold the character U+0000")


def _refuse_oversized(text: bytes) -> None:
    if len(text) > RECORD_BYTES_MAX:
        raise Refused(
            RefusalReason.RECORD_TOO_LARGE,
            f"the record has {len(text):,} bytes: send at most {RECORD_BYTES_MAX:,}, in several records",
        )


def _check_properties(properties: dict[str, Any]) -> None:
    if len(properties) > PROPERTIES_MAX:
        raise Refused(RefusalReason.PROPERTY, f"data has {len(properties)} properties: send at most {PROPERTIES_MAX}")
    for name, value in properties.items():
        kind = type(value)
        if kind not in _FLAT_TYPES:
            raise Refused(
                RefusalReason.PROPERTY,
                f"data.{name[:80]} must be a text, number, boolean or null: it is nested",
            )
        if kind is str and len(value) > _PROPERTY_TEXT_MAX:
            raise Refused(RefusalReason.PROPERTY, f"data.{name[:80]} is longer than {_PROPERTY_TEXT_MAX} characters")
        if kind is int and not -_INTEGER_MAX <= value < _INTEGER_MAX:
            raise Refused(RefusalReason.PROPERTY, f"data.{name[:80]} does not fit 64 bits: send it as a text")
        if kind is Decimal and not (value.is_finite() and -30 <= value.adjusted() <= 30):
            raise Refused(RefusalReason.PROPERTY, f"data.{name[:80]} is out of range: send it as a text")
        if len(name) > _PROPERTY_TEXT_MAX:
            raise Refused(
                RefusalReason.PROPERTY,
                f"data has a property name longer than {_PROPERTY_TEXT_MAX} characters",
            )


def _refuse_many_or_repeated_keys(text: bytes, names: int) -> None:
    if names > NAMES_MAX:
        raise Refused(RefusalReason.PROPERTY, f"the event holds more than {NAMES_MAX} names: send fewer attributes")
    refuse_repeated_keys(text)


def _shown(text: bytes) -> str:
    return text[:40].decode(errors="replace")


def _dead_letter(origin: Origin, index: int | None, refused: Refused, payload: bytes) -> DeadLetter:
    return DeadLetter(origin, index, refused.reason, str(refused), payload)
