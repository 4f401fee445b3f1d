"""Decoding usage events: CloudEvents 1.0 in JSON, one event or an array of them a record.

msgspec does the parsing and the type checks in C and names the path of a fault; what it cannot see (repeated keys,
nested properties, decimals) is checked here. Schema for producers: docs/schemas/usage-event.schema.json.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple

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
_PROPERTY_TEXT_MAX: Final = 256
_TOO_MANY_DIGITS: Final = b"0" * (_PROPERTY_TEXT_MAX + 1)
_LAST_NAME: Final = re.compile(rb'"([^"]*)"\s*:[-"\s\[0-9.]*\Z').search
_DIGITS_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_INTEGER_MAX: Final = 2**63


class _CloudEvent(msgspec.Struct):
    """The attributes this system reads; extension attributes are allowed and left alone."""

    specversion: Literal["1.0"]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    type: _ShortText
    subject: _ShortText
    time: _Time
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _WholeEvent(_CloudEvent):
    """The same with its data read: what is wrong with an event is told by this one."""

    data: dict[str, Any] = msgspec.field(default_factory=dict)  # type: ignore[assignment]


class _Data(NamedTuple):
    """What the bytes of an event's data say. The properties are shared by events and may not be changed."""

    names: int
    quantity_millionths: int
    properties: dict[str, Any]
    properties_json: str


_DECODER: Final = msgspec.json.Decoder(_CloudEvent)
_WHOLE_DECODER: Final = msgspec.json.Decoder(_WholeEvent, float_hook=Decimal)
_TOP_DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DATA_DECODER: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_PROPERTIES: Final = msgspec.json.Encoder(order="sorted", decimal_format="number")


_KEPT_MAX: Final = 20_000
_KEPT_BYTES_MAX: Final = 300
_KNOWN_DATA: Final[dict[bytes, _Data]] = {}
_KNOWN_BODIES: Final[dict[tuple[str, str, bytes], bytes]] = {}


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
        raw = bytes(event.data)
        data = _KNOWN_DATA.get(raw)
        if data is None:
            data = _read_data(raw, text)
        # Every key of the text, and nothing else but an escaped quote before a colon, ends in `":` once blanks are gone;
        # so equality means no key came twice, and anything else is looked at exactly; so is empty data, which may be absent.
        names = text.translate(None, WHITESPACE).count(b'":')
        if not data.names or names != 7 + data.names:
            _refuse_many_or_repeated_keys(text, names, data.names)
    except msgspec.ValidationError as error:
        raise Refused(RefusalReason.FIELD, wrong_attribute(error)) from error
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
        data.quantity_millionths,
        data.properties,
        data.properties_json,
        event_key(event.source, event.id),
        _KNOWN_BODIES.get((event.type, event.subject, raw)) or _digest(event, raw, data),
    )


def _read_data(raw: bytes, text: bytes) -> _Data:
    """Read an event's data, and keep what it says: most events of a producer differ in their id and time only."""
    if len(raw) > _PROPERTY_TEXT_MAX:
        _refuse_many_digits(raw)
    try:
        properties = _DATA_DECODER.decode(raw)
    except (msgspec.MsgspecError, ArithmeticError, UnicodeError, RecursionError, ValueError):
        # Its sentence names the place in the whole event.
        properties = _WHOLE_DECODER.decode(text).data
    names = len(properties)
    quantity = quantity_millionths(properties.pop("quantity", 1))
    _check_properties(properties)
    data = _Data(names, quantity, properties, _PROPERTIES.encode(properties).decode())
    if len(raw) <= _KEPT_BYTES_MAX:
        if len(_KNOWN_DATA) >= _KEPT_MAX:
            _KNOWN_DATA.clear()
        _KNOWN_DATA[raw] = data
    return data


def _refuse_many_digits(raw: bytes) -> None:
    """A number takes time with the square of its digits, so they are counted before. In a text so many are too long, too."""
    place = raw.translate(_DIGITS_AS_ZERO).find(_TOO_MANY_DIGITS)
    if place >= 0:
        named = _LAST_NAME(raw, max(0, place - _PROPERTY_TEXT_MAX), place)
        path = f"data.{named[1].decode(errors='replace')[:80]}" if named else "data"
        raise Refused(RefusalReason.FIELD, f"{path} has more than {_PROPERTY_TEXT_MAX} digits in a row: send fewer")


def _digest(event: _CloudEvent, raw: bytes, data: _Data) -> bytes:
    digest = body_digest(event.type, event.subject, data.quantity_millionths, data.properties_json)
    if len(raw) <= _KEPT_BYTES_MAX:
        if len(_KNOWN_BODIES) >= _KEPT_MAX:
            _KNOWN_BODIES.clear()
        _KNOWN_BODIES[event.type, event.subject, raw] = digest
    return digest


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
        fault = _fault_of(value)
        if fault:
            raise Refused(RefusalReason.PROPERTY, f"data.{name[:80]} {fault}")
        if len(name) > _PROPERTY_TEXT_MAX:
            raise Refused(
                RefusalReason.PROPERTY,
                f"data has a property name longer than {_PROPERTY_TEXT_MAX} characters",
            )


def _fault_of(value: object) -> str:
    """Why a property cannot have this value; empty when it can."""
    kind = type(value)
    if kind is str:
        return "" if len(value) <= _PROPERTY_TEXT_MAX else f"is longer than {_PROPERTY_TEXT_MAX} characters"  # type: ignore[arg-type]
    if kind is Decimal:
        # JSON has no number that is not finite.
        return "" if -30 <= value.adjusted() <= 30 else "is out of range: send it as a text"  # type: ignore[attr-defined]
    if kind is int:
        return "" if -_INTEGER_MAX <= value < _INTEGER_MAX else "does not fit 64 bits: send it as a text"  # type: ignore[operator]
    return "" if kind is bool or value is None else "must be a text, number, boolean or null: it is nested"


def _refuse_many_or_repeated_keys(text: bytes, names: int, names_in_data: int) -> None:
    if names > NAMES_MAX:
        raise Refused(RefusalReason.PROPERTY, f"the event holds more than {NAMES_MAX} names: send fewer attributes")
    # With attributes that are not read, the names at the top are counted; one that is an object has names of its own.
    if names != len(_TOP_DECODER.decode(text)) + names_in_data:
        refuse_repeated_keys(text)


def _shown(text: bytes) -> str:
    return text[:40].decode(errors="replace")


def _dead_letter(origin: Origin, index: int | None, refused: Refused, payload: bytes) -> DeadLetter:
    return DeadLetter(origin, index, refused.reason, str(refused), payload)
