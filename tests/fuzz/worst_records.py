"""The records that cost most: how long each takes from its bytes to its outcomes, without the database.

`python -m tests.fuzz.worst_records` prints a line for each, slowest first. Not a test: how long something takes says as much
about what else the machine does.
"""

import gc
import time
from collections.abc import Iterator

from connectors.kafka.usage_events import decode_records
from domain.metering import prepare, settle
from domain.usage import EVENT_BYTES_MAX, EVENTS_PER_RECORD_MAX, NAMES_MAX, RECORD_BYTES_MAX, SEPARATORS_MAX
from invoicing.records import Record
from tests.builders_usage import HAPPENED_AT, WINDOW, a_config, a_record, a_usage_event

RUNS = 7
LIMIT_MILLIS = 10
_HEAD = (
    '{"specversion":"1.0","id":"event-1","source":"/otpless/core","type":"otp.delivered","subject":"acme",'
    f'"time":"{HAPPENED_AT.isoformat()}","data":'
).encode()
_ROOM = RECORD_BYTES_MAX - len(_HEAD) - 100


def main() -> None:
    """Measure every record and print."""
    rows = sorted(((*millis_of(a_record(value)), len(value), name) for name, value in worst_records()), reverse=True)
    print(f"{'ms best':>9} {'ms worst':>9} {'bytes':>9}  record")
    for best, worst, size, name in rows:
        print(f"{best:9.2f} {worst:9.2f} {size:9,}  {name}{'   over the limit' if best > LIMIT_MILLIS else ''}")


def millis_of(record: Record) -> tuple[float, float]:
    """The shortest and the longest of some runs, in milliseconds of this process: what else runs is not counted."""
    config = a_config()
    taken = []
    for _ in range(RUNS):
        gc.collect()
        started = time.process_time()
        events, dead = decode_records([record])
        prepared = prepare(events, config, WINDOW)
        prepared.dead_letters.extend(dead)
        settle(prepared, {}, {}).counts()
        taken.append((time.process_time() - started) * 1000)
    return min(taken), max(taken)


def worst_records() -> Iterator[tuple[str, bytes]]:
    """Records near the size limit, each meant to hurt one step."""
    yield from _of_one_event()
    yield from _of_many_events()
    yield from _at_the_limits()
    yield from _of_no_event()


def _of_one_event() -> Iterator[tuple[str, bytes]]:
    yield "an ordinary event", a_usage_event()
    yield "an event with one text of 1 MB", _event(b'{"x":"' + b"a" * _ROOM + b'"}')
    yield "1 MB of escapes in a text", _event(b'{"x":"' + rb"\u0041" * (_ROOM // 6) + b'"}')
    yield "1 MB of escaped quotes and colons", _event(b'{"x":"' + rb"\":" * (_ROOM // 3) + b'"}')
    yield "1 MB of four-byte characters", _event(b'{"x":"' + "😀".encode() * (_ROOM // 4) + b'"}')
    yield "1 MB of surrogate pairs", _event(b'{"x":"' + rb"\ud83d\ude00" * (_ROOM // 12) + b'"}')
    yield "a name of 1 MB", _event(b'{"' + b"a" * _ROOM + b'":1}')
    yield "many short keys", _event(_keys(b'"%05x":1'))
    yield "many keys, all the same", _event(b"{" + b",".join([b'"a":1'] * (_ROOM // 6)) + b"}")
    yield "many escaped keys, all the same", _event(b"{" + b",".join([rb'"\u0061":1'] * (_ROOM // 11)) + b"}")
    yield "many repeated keys at the top", _HEAD + b"{}," + b",".join([b'"a":1'] * (_ROOM // 6)) + b"}"
    yield "many keys at the top", _HEAD + b"{}," + _keys(b'"%05x":1')[1:]
    yield "many fractions", _event(_keys(b'"%05x":0.1'))
    yield "many exponents", _event(_keys(b'"%05x":1e400'))
    yield "an integer of 1 million digits", _event(b'{"quantity":' + b"9" * _ROOM + b"}")
    yield "an integer of 4,000 digits", _event(b'{"quantity":' + b"9" * 4_000 + b"}")
    yield "many integers of 4,000 digits", _event(_list(b"9" * 4_000))
    yield "many integers of 300 digits", _event(_list(b"9" * 300))
    yield "a fraction of 1 million digits", _event(b'{"quantity":0.' + b"9" * _ROOM + b"}")
    yield "a fraction of 1 million zeros", _event(b'{"quantity":1.' + b"0" * _ROOM + b"}")
    yield "a property with a fraction of 1 million digits", _event(b'{"x":0.' + b"9" * _ROOM + b"}")
    yield "32 properties with fractions of 30,000 digits", _event(_some(b"0." + b"9" * 30_000))
    yield "many fractions of 300 digits", _event(_list(b"0." + b"9" * 300))
    yield "1e400", _event(b'{"quantity":1e400}')
    yield "1e-999999", _event(b'{"quantity":1e-999999}')
    yield "1e999999999999", _event(b'{"quantity":1e999999999999}')
    yield "many lists in a list", _event(_list(b"[]"))
    yield "many objects in a list", _event(_list(b"{}"))
    yield "many objects with repeated keys", _event(_list(b'{"a":1,"a":2}'))
    yield "objects in objects, 900 deep", _event(b'{"a":' * 900 + b"1" + b"}" * 900)
    yield "objects in objects, without end", _event(b'{"a":' * (_ROOM // 6) + b"1" + b"}" * (_ROOM // 6))
    yield "lists in lists, without end", _event(b'{"a":' + b"[" * (_ROOM // 2))
    yield "1 MB of blanks", _event(b"{" + b" " * _ROOM + b"}")
    yield "many keys with blanks before the colon", _event(_keys(b'"%05x" :1'))
    yield "an id of 1 MB", a_usage_event("a" * _ROOM)
    yield "a time of 1 MB", a_usage_event(time="2" * _ROOM)
    yield "a type of 1 MB", a_usage_event(type="x" * _ROOM)
    yield "1 MB in an attribute nobody reads", a_usage_event(extension="x" * _ROOM)
    yield "cut off at the end", _event(_keys(b'"%05x":1'))[:-2]


def _of_many_events() -> Iterator[tuple[str, bytes]]:
    small = [a_usage_event(f"event-{number}") for number in range(EVENTS_PER_RECORD_MAX)]
    yield "500 ordinary events", _array(small)
    yield "500 events of one identity", _array([a_usage_event()] * EVENTS_PER_RECORD_MAX)
    wide = {f"property-{number:02}": "x" * 40 for number in range(31)}
    yield "500 events with 32 properties", _array([a_usage_event(f"e{n}", data=wide) for n in range(EVENTS_PER_RECORD_MAX)])
    fractions = b"{" + b",".join(b'"p%02d":0.%025d' % (number, number + 1) for number in range(32)) + b"}"
    yield "500 events with 32 fractions", _array([_event(fractions, b"e%d" % n) for n in range(EVENTS_PER_RECORD_MAX)])
    repeated = b'{"a":1,"a":2}'
    yield "500 events with a repeated key", _array([_event(repeated, b"e%d" % n) for n in range(EVENTS_PER_RECORD_MAX)])
    many_repeated = b"{" + b",".join([b'"a":1'] * 250) + b"}"
    yield "500 events with many repeated keys", _array([_event(many_repeated)] * EVENTS_PER_RECORD_MAX)
    many_names = b"{" + b",".join(b'"%03x":1' % n for n in range(200)) + b"}"
    yield "500 events with too many properties", _array([_event(many_names)] * EVENTS_PER_RECORD_MAX)
    odd = b'{"a" :1,"quantity":1}'
    yield "500 events with blanks before colons", _array([_event(odd, b"e%d" % n) for n in range(EVENTS_PER_RECORD_MAX)])
    texts = b'{"x":"' + rb"\":" * 600 + b'"}'
    yield "500 events with escaped quotes", _array([_event(texts, b"e%d" % n) for n in range(EVENTS_PER_RECORD_MAX)])
    empty = [a_usage_event(f"event-{number}", without=["data"]) for number in range(EVENTS_PER_RECORD_MAX)]
    yield "500 events without data", _array(empty)
    extended = [
        a_usage_event(f"e{number}", **{f"x{place}": 1 for place in range(150)}) for number in range(EVENTS_PER_RECORD_MAX)
    ]
    yield "500 events with 150 attributes nobody reads", _array(extended)
    nested = b'{"a":' * 150 + b"1" + b"}" * 150
    yield "500 events nested 150 deep", _array([_event(nested)] * EVENTS_PER_RECORD_MAX)
    numbers = b'{"quantity":' + b"9" * 1_500 + b"}"
    yield "500 events with 1,500 digits", _array([_event(numbers)] * EVENTS_PER_RECORD_MAX)
    exponents = b'{"quantity":1e-999999}'
    yield "500 events with 1e-999999", _array([_event(exponents)] * EVENTS_PER_RECORD_MAX)
    unknown = [a_usage_event(f"e{n}", type="otp.deliverd" + "d" * 100) for n in range(EVENTS_PER_RECORD_MAX)]
    yield "500 events of an unknown type", _array(unknown)


def _at_the_limits() -> Iterator[tuple[str, bytes]]:
    """Records that no limit refuses, as heavy as the limits let them be."""
    repeated = b"{" + b",".join([b'"a":1'] * (NAMES_MAX - 8)) + b"}"
    each = SEPARATORS_MAX // (NAMES_MAX + 3)
    yield f"{each} events with as many repeated keys as are looked at", _array([_event(repeated)] * each)
    few = b"{" + b",".join([b'"a":1'] * 34) + b"}"
    yield "500 events with 34 repeated keys", _array([_event(few)] * EVENTS_PER_RECORD_MAX)
    fractions = b",".join(b'"p%02d":0.%025d' % (number, number + 1) for number in range(32))
    more = b",".join(b'"x%02d":1' % number for number in range(2))
    both = b"{" + fractions + b"}," + more
    yield (
        "500 events with 32 fractions and 2 attributes more",
        _array([_event(both, b"e%d" % n) for n in range(EVENTS_PER_RECORD_MAX)]),
    )
    deep = b'{"a":[' + b"[" * 900 + b"]" * 900 + b"]}"
    yield "500 events nested 900 deep", _array([_event(deep)] * EVENTS_PER_RECORD_MAX)
    deep_attribute = b'{"a":1},"x":' + b'{"a":' * 85 + b"1" + b"}" * 85
    yield "220 events with an attribute 85 deep", _array([_event(deep_attribute, b"e%d" % n) for n in range(220)])
    yield "as many numbers as an array may hold commas", _array([b"1"] * (SEPARATORS_MAX - 1))
    size = EVENT_BYTES_MAX - len(_HEAD) - 20
    escaped = b'{"x":"' + rb"\u0041" * (size // 6) + b'"}'
    yield "15 events of 64 kB of escapes", _array([_event(escaped)] * 15)
    digits = b'{"quantity":0.' + b"9" * size + b"}"
    yield "15 quantities of 65,000 digits", _array([_event(digits)] * 15)
    zeros = b'{"quantity":1.' + b"0" * size + b"}"
    yield "15 quantities of 65,000 zeros", _array([_event(zeros)] * 15)
    listed = b'{"x":[' + b",".join([b"1"] * 1_350) + b"]}"
    yield "15 events with lists of 1,350 numbers", _array([_event(listed)] * 15)


def _of_no_event() -> Iterator[tuple[str, bytes]]:
    yield "1 MB of zeros", bytes(RECORD_BYTES_MAX)
    yield "1 MB of bytes that are no UTF-8", b"\xff" * RECORD_BYTES_MAX
    yield "1 MB of opening brackets", b"[" * RECORD_BYTES_MAX
    yield "1 MB of opening braces", b"{" * RECORD_BYTES_MAX
    yield "1 MB of blanks before an event", b" " * (RECORD_BYTES_MAX - 500) + a_usage_event()
    yield "1 MB of blanks", b" " * RECORD_BYTES_MAX
    yield "an array of very many nulls", _array([b"null"] * (RECORD_BYTES_MAX // 5 - 1))
    yield "an array of very many empty arrays", _array([b"[]"] * (RECORD_BYTES_MAX // 3 - 1))
    yield "an array of very many numbers", _array([b"1"] * (RECORD_BYTES_MAX // 2 - 1))
    yield "an array of 500 texts of 2 kB", _array([b'"' + b"x" * 2_000 + b'"'] * EVENTS_PER_RECORD_MAX)
    yield "16 MB", b"x" * 16_000_000
    yield "16 MB that begin as an event", _event(b'{"x":"' + b"a" * 16_000_000 + b'"}')
    yield "16 MB array", _array([b"1"] * 8_000_000)


def _event(data: bytes, event_id: bytes = b"event-1") -> bytes:
    return _HEAD.replace(b"event-1", event_id, 1) + data + b"}"


def _array(events: list[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


def _keys(pattern: bytes) -> bytes:
    size = len(pattern % 0) + 1
    return b"{" + b",".join(pattern % number for number in range(_ROOM // size)) + b"}"


def _list(item: bytes) -> bytes:
    return b'{"x":[' + b",".join([item] * (_ROOM // (len(item) + 1))) + b"]}"


def _some(item: bytes) -> bytes:
    return b"{" + b",".join(b'"p%02d":%s' % (number, item) for number in range(32)) + b"}"


if __name__ == "__main__":
    main()
