"""What every family of events reads alike: arrays of CloudEvents, keys that may come once, faults in a sentence."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from json import JSONDecoder
from typing import Any, Final

import msgspec

from domain.usage import EVENTS_PER_RECORD_MAX, RefusalReason, Refused

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
WHITESPACE: Final = b" \t\r\n"
"""What JSON allows around a value."""
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_DETAIL_MAX: Final = 400
_NAMED: Final = re.compile(r"`(?:\$\.)?(?P<name>[a-z]+)`\Z").search
_WAYS_OUT: Final = {
    "specversion": 'send "1.0"',
    "time": "send it as RFC 3339 has it, with a zone, e.g. 2026-10-15T12:00:00Z",
    "data": "send an object of named values",
}


def members_of_array(body: bytes) -> list[bytes]:
    """The events of an array, as bytes. Raises Refused for anything else, and for too many or none."""
    try:
        members = _ARRAY.decode(body)
    except msgspec.ValidationError as error:
        raise Refused(RefusalReason.NOT_AN_EVENT, "the record is neither a JSON object nor an array of them") from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refused(RefusalReason.NOT_JSON, sentence("the record is not a JSON object or array", error)) from error
    if not 1 <= len(members) <= EVENTS_PER_RECORD_MAX:
        raise Refused(
            RefusalReason.BATCH_SIZE,
            f"the array holds {len(members)} events: send 1 to {EVENTS_PER_RECORD_MAX} a record",
        )
    return [bytes(member) for member in members]


def refuse_repeated_keys(text: bytes) -> None:
    """Raises Refused when an object in a JSON text has a key twice. The text is valid UTF-8."""
    _ONCE_EACH.decode(text.decode())


def sentence(lead: str, error: Exception) -> str:
    """What a decoder says, short enough to keep."""
    text = f"{lead}: {error}" if lead else str(error)
    return text[:_DETAIL_MAX]


def wrong_attribute(error: msgspec.ValidationError) -> str:
    """Which attribute of an event is wrong, and the way out."""
    found = _NAMED(str(error))
    way_out = _WAYS_OUT.get(found["name"] if found else "", "correct it and send the event again")
    return f"{sentence('', error)}: {way_out}"


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        ((repeated, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise Refused(
            RefusalReason.DUPLICATE_JSON_KEY,
            f"the key {repeated[:80]!r} appears twice in one object: send it once",
        )
    return seen


_ONCE_EACH: Final = JSONDecoder(object_pairs_hook=_once_each, parse_int=str, parse_float=str)
