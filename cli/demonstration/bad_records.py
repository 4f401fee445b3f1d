"""Every way a producer gets a record wrong, each with the reason its dead letter must bear.

`member` kinds are valid JSON, so they can also stand inside an array, where only they are refused. The reasons are written
here as plain texts, from the list of codes producers are given, and not taken from the decoder they test.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadKind:
    """One mistake: makes a record of a good event."""

    name: str
    reason: str
    spoil: Callable[[Event], bytes]
    member: bool = False
    rare: bool = False
    """Once a run is enough: the record is large."""


def encode(event: Any) -> bytes:
    """JSON as producers write it."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _with(**changes: Any) -> Callable[[Event], bytes]:
    return lambda event: encode({**event, **changes})


def _with_data(**changes: Any) -> Callable[[Event], bytes]:
    return lambda event: encode({**event, "data": {**event["data"], **changes}})


def _without(name: str) -> Callable[[Event], bytes]:
    return lambda event: encode({key: value for key, value in event.items() if key != name})


def _with_raw_quantity(literal: bytes) -> Callable[[Event], bytes]:
    """For numbers Python would not write."""
    return lambda event: encode({**event, "data": {**event["data"], "quantity": "@"}}).replace(b'"@"', literal)


def _cut_short(event: Event) -> bytes:
    text = encode(event)
    return text[: len(text) * 2 // 3]


def _bad_utf8(event: Event) -> bytes:
    return encode({**event, "subject": event["subject"] + "@"}).replace(b"@", b"\xc3\x28")


def _latin_1(event: Event) -> bytes:
    return encode({**event, "data": {**event["data"], "operator": "telef\u00f3nica"}}).decode().encode("latin-1")


def _key_twice(event: Event) -> bytes:
    return encode(event).replace(b'{"', b'{"id":"' + event["id"].encode() + b'","', 1)


def _data_key_twice(event: Event) -> bytes:
    text = encode({**event, "data": {"quantity": 1, **event["data"]}})
    return text.replace(b'"quantity":', b'"quantity":1000,"quantity":', 1)


def _deep(event: Event) -> bytes:
    nested = b"[" * 20_000 + b"]" * 20_000
    return encode({**event, "data": {**event["data"], "channel": "@"}}).replace(b'"@"', nested)


def _large(size: int) -> Callable[[Event], bytes]:
    return lambda event: encode({**event, "data": {**event["data"], "comment": "x" * size}})


def _array_of(count: int) -> Callable[[Event], bytes]:
    return lambda event: encode([{**event, "id": f"{event['id']}-{number}"} for number in range(count)])


KINDS: Final = (
    BadKind("truncated JSON", "not_json", _cut_short),
    BadKind("bad UTF-8", "not_json", _bad_utf8),
    BadKind("Latin-1 text", "not_json", _latin_1),
    BadKind("no bytes", "not_json", lambda _: b""),
    BadKind("not JSON at all", "not_json", lambda event: f"{event['type']};{event['subject']};1".encode()),
    BadKind("a bare text", "not_an_event", lambda event: encode(event["id"])),
    BadKind("a bare number", "not_an_event", lambda _: b"42"),
    BadKind("quantity NaN", "not_json", _with_raw_quantity(b"NaN")),
    BadKind("quantity Infinity", "not_json", _with_raw_quantity(b"Infinity")),
    BadKind("deep nesting", "not_json", _deep),
    BadKind("a body of 5 MB", "record_too_large", _large(5_000_000), rare=True),
    BadKind("a body of 1.5 MB", "record_too_large", _large(1_500_000), rare=True),
    BadKind("an empty array", "batch_size", lambda _: b"[]"),
    BadKind("an array of 501", "batch_size", _array_of(501), rare=True),
    BadKind("quantity 1e400", "quantity", _with_raw_quantity(b"1e400"), member=True),
    BadKind("a negative quantity", "quantity", _with_data(quantity=-3), member=True),
    BadKind("an absurd quantity", "quantity", _with_data(quantity=10**12), member=True),
    BadKind("a quantity of 7 decimals", "quantity", _with_raw_quantity(b"0.1234567"), member=True),
    BadKind("a quantity in quotes", "quantity", _with_data(quantity="2"), member=True),
    BadKind("a quantity null", "quantity", _with_data(quantity=None), member=True),
    BadKind("a quantity true", "quantity", _with_data(quantity=True), member=True),
    BadKind("the id twice", "duplicate_json_key", _key_twice, member=True),
    BadKind("the quantity twice", "duplicate_json_key", _data_key_twice, member=True),
    BadKind("a time without a zone", "field", lambda event: encode({**event, "time": event["time"][:19]}), member=True),
    BadKind("a time that is none", "field", _with(time="yesterday evening"), member=True),
    BadKind("a time as a number", "field", _with(time=1_790_000_000), member=True),
    BadKind("a time centuries ahead", "time_out_of_range", _with(time="2626-10-05T09:12:44Z"), member=True),
    BadKind("a time centuries ago", "time_out_of_range", _with(time="1726-10-05T09:12:44Z"), member=True),
    BadKind("an unknown type", "unknown_type", _with(type="otp.deliverd"), member=True),
    BadKind("an id as a number", "field", _with(id=4711), member=True),
    BadKind("an empty id", "field", _with(id=""), member=True),
    BadKind("no id", "field", _without("id"), member=True),
    BadKind("no subject", "field", _without("subject"), member=True),
    BadKind("a subject null", "field", _with(subject=None), member=True),
    BadKind("a subject with U+0000", "field", _with(subject="shop\0app"), member=True),
    BadKind("no time", "field", _without("time"), member=True),
    BadKind("no type", "field", _without("type"), member=True),
    BadKind("another specversion", "field", _with(specversion="0.3"), member=True),
    BadKind("data as a text", "field", _with(data="channel=sms"), member=True),
    BadKind("data as an array", "field", _with(data=["sms", "IN"]), member=True),
    BadKind("nested data", "property", _with_data(device={"os": "android"}), member=True),
    BadKind("33 properties", "property", _with_data(**{f"label_{number}": 1 for number in range(33)}), member=True),
    BadKind("a property too long", "property", _with_data(campaign="x" * 257), member=True),
    BadKind("a property beyond 64 bits", "property", _with_data(ticket=2**70), member=True),
)
"""All of them; a run has each at least once."""
