"""Decoding records: events and arrays of them are read; what is not JSON or too large is refused with its bytes."""

import json
from datetime import timedelta

import pytest

from connectors.kafka.usage_events import decode_records
from domain.usage import EVENT_BYTES_MAX, RECORD_BYTES_MAX, RefusalReason
from tests.builders_usage import HAPPENED_AT, a_record, a_usage_event, an_array, an_event_document, an_origin, micros_of
from tests.decoding import EVENT, decoded, refused, with_data


def nested(depth):
    return "[" * depth + "]" * depth


def test_an_event_is_read_with_its_identity_time_quantity_and_properties():
    event = decoded(EVENT)
    assert (event.source, event.id, event.subject, event.meter) == ("/otpless/core", "event-1", "acme", "otp.delivered")
    assert event.time_micros == micros_of(HAPPENED_AT)
    assert event.quantity_millionths == 1_000_000
    assert event.properties == {"channel": "sms", "country": "IN"}
    assert event.properties_json == '{"channel":"sms","country":"IN"}'


def test_an_event_is_kept_with_its_place_and_the_bytes_it_had():
    events, _ = decode_records([a_record(b" " + an_array(EVENT, a_usage_event("event-2")) + b"\n", 7, partition=3)])
    assert [(item.index, item.origin) for item in events] == [(0, an_origin(7, partition=3)), (1, an_origin(7, partition=3))]
    assert [item.payload for item in events] == [EVENT, a_usage_event("event-2")]


@pytest.mark.parametrize("blanks", [b" ", b"\n", b"\t\r\n "], ids=repr)
def test_blanks_around_an_event_do_not_matter(blanks):
    assert decoded(blanks + EVENT + blanks) == decoded(EVENT)


def test_the_order_of_attributes_and_properties_does_not_change_the_body():
    backwards = json.dumps(
        dict(reversed(an_event_document(data={"country": "IN", "channel": "sms", "quantity": 1}).items()))
    )
    assert decoded(backwards.encode()) == decoded(EVENT)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {}},
        {"without": ["data"]},
        {"data": {"quantity": 1}},
        {"data": {"quantity": 1.0}},
        {"traceparent": "00-1", "without": ["data"]},
    ],
    ids=str,
)
def test_the_quantity_is_one_unless_data_says_otherwise(changes):
    event = decoded(a_usage_event(**changes))
    assert (event.quantity_millionths, event.properties) == (1_000_000, {})


def test_extension_attributes_are_left_alone_even_nested_ones():
    plain = decoded(a_usage_event())
    assert (
        decoded(a_usage_event(datacontenttype="application/json", traceparent="00-1", context={"a": [1, {"a": 2}]})) == plain
    )


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("2026-10-15T12:00:00Z", HAPPENED_AT),
        ("2026-10-15T17:30:00+05:30", HAPPENED_AT),
        ("2026-10-15t12:00:00z", HAPPENED_AT),
        ("2026-10-15T12:00:00-00:00", HAPPENED_AT),
        ("2026-10-15T12:00:00.25Z", HAPPENED_AT + timedelta(milliseconds=250)),
        ("2026-10-15T12:00:00.000001Z", HAPPENED_AT + timedelta(microseconds=1)),
    ],
)
def test_a_time_of_any_zone_is_the_same_instant(time, moment):
    assert decoded(a_usage_event(time=time)).time_micros == micros_of(moment)


@pytest.mark.parametrize(
    "value", ["Überprüfung", "संदेश", "😀", "a\u0000b", "", "x" * 256, -(2**63), 2**63 - 1, 1.5, 0.0, True, None], ids=repr
)
def test_flat_properties_of_every_kind_are_kept(value):
    event = decoded(a_usage_event(data={"note": value}))
    assert json.loads(event.properties_json) == {"note": value}


# Not JSON


@pytest.mark.parametrize("length", [1, 20, 100, len(EVENT) - 1])
def test_truncated_json_is_refused(length):
    letter = refused(EVENT[:length])
    assert letter.reason is RefusalReason.NOT_JSON
    assert letter.detail.startswith("the event is not valid JSON: ")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (b"", "the record is empty: send one CloudEvent or an array of them"),
        (b" \n", "the record is empty: send one CloudEvent or an array of them"),
        (b"hello", "the record is not a JSON object or array"),
        (b"\x00\x01\x02", "the record is not a JSON object or array"),
        (b"\xef\xbb\xbf" + EVENT, "the record is not a JSON object or array"),
        (EVENT.decode().encode("utf-16"), "the record is not a JSON object or array"),
        (EVENT + EVENT, "the event is not valid JSON: JSON is malformed: trailing characters"),
        (b"[" + EVENT, "the record is not a JSON object or array"),
        (EVENT.replace(b'"acme"', b"'acme'"), "the event is not valid JSON: JSON is malformed"),
        (EVENT.replace(b'"sms"', b'"s\nms"'), "the event is not valid JSON: JSON is malformed"),
        (EVENT.replace(b'"sms"', b'"\\ud800"'), "the event is not valid JSON"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_not_json_is_refused_whole_with_its_bytes(value, sentence):
    letter = refused(value)
    assert (letter.reason, letter.index, letter.payload) == (RefusalReason.NOT_JSON, None, value)
    assert letter.detail.startswith(sentence)


@pytest.mark.parametrize("place", [b"event-1", b"acme", b"sms", b"country", b"traceparent"])
def test_bad_utf8_is_refused_wherever_it_is(place):
    letter = refused(a_usage_event(traceparent="00").replace(place, b"\xff\xfe"))
    assert letter.reason is RefusalReason.NOT_JSON
    assert "utf-8" in letter.detail


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "0x10", "1_000", "01", ".5", "1."])
def test_numbers_json_does_not_have_are_refused(number):
    letter = refused(with_data(f'{{"quantity": {number}}}'))
    assert letter.reason is RefusalReason.NOT_JSON


@pytest.mark.parametrize("depth", [2_000, 10_000])
@pytest.mark.parametrize("place", ["data", "extension", "record"])
def test_deep_nesting_is_refused(place, depth):
    values = {
        "data": with_data(f'{{"a": {nested(depth)}}}'),
        "extension": EVENT[:-1] + f', "x": {nested(depth)}}}'.encode(),
        "record": nested(depth).encode(),
    }
    letter = refused(values[place])
    assert letter.reason is RefusalReason.NOT_JSON
    assert "recursion depth" in letter.detail


# Sizes


def test_a_body_of_five_megabytes_is_refused_before_it_is_parsed():
    letter = refused(a_usage_event(data={"note": "x" * 5_000_000}))
    assert letter.reason is RefusalReason.RECORD_TOO_LARGE
    assert letter.detail == f"the record has {len(letter.payload):,} bytes: send at most 1,048,576, in several records"


def test_an_array_of_five_megabytes_is_refused_whole():
    letter = refused(an_array(*[EVENT] * 30_000))
    assert (letter.reason, letter.index) == (RefusalReason.RECORD_TOO_LARGE, None)


def test_an_event_of_exactly_the_limit_is_read():
    padding = EVENT_BYTES_MAX - len(a_usage_event(padding=""))
    assert decoded(a_usage_event(padding="x" * padding)).id == "event-1"
    letter = refused(a_usage_event(padding="x" * (padding + 1)))
    assert letter.reason is RefusalReason.RECORD_TOO_LARGE
    assert letter.detail == "the event has 65,537 bytes: send at most 65,536"


def test_a_record_of_exactly_the_limit_is_read():
    events = [a_usage_event(f"event-{number}", padding="x" * 60_000) for number in range(17)]
    body = an_array(*events)
    assert len(decode_records([a_record(body + b" " * (RECORD_BYTES_MAX - len(body)))])[0]) == 17
    assert refused(body + b" " * (RECORD_BYTES_MAX + 1 - len(body))).reason is RefusalReason.RECORD_TOO_LARGE


@pytest.mark.parametrize("member", [b"1", b"{}", b"[]", b'"a":1'])
def test_an_array_of_very_many_things_is_refused_before_they_are_counted(member):
    letter = refused(an_array(*[member] * 50_000))
    assert (letter.reason, letter.index) == (RefusalReason.BATCH_SIZE, None)
    assert letter.detail == "the array has more than 14,000 commas and brackets: send smaller records"


@pytest.mark.parametrize(("count", "properties"), [(500, 19), (340, 32)])
def test_an_array_has_room_for_events_with_many_properties(count, properties):
    many = {"quantity": 1} | {f"property-{number}": "x" for number in range(properties)}
    events, dead = decode_records([a_record(an_array(*(a_usage_event(f"e{n}", data=many) for n in range(count))))])
    assert (len(events), dead) == (count, [])


def test_events_with_the_same_data_are_read_alike_and_one_with_other_data_otherwise():
    data = [{"channel": "sms"}, {"channel": "sms", "quantity": 2}, {"channel": "whatsapp"}]
    read = [decoded(a_usage_event(f"event-{n}", data=data[n % 3])) for n in range(9)]
    seen = {(event.quantity_millionths, event.properties_json, event.body_digest) for event in read}
    assert len(seen) == 3
    other = [decoded(a_usage_event(data=data[0], **change)) for change in ({"subject": "bolt"}, {"type": "voice.minutes"})]
    assert len({event.body_digest for event in [read[0], *other]}) == 3


def test_attributes_nobody_reads_hide_no_repeated_key():
    event = a_usage_event(trace=7)
    name, value = (b'"trace":', b"7") if b'"trace":7' in event else (b'"trace": ', b"7")
    for repeated in (b'"trace":8,' + name + value, name + b'{"a":1,"a":2}'):
        assert refused(event.replace(name + value, repeated)).reason is RefusalReason.DUPLICATE_JSON_KEY
    assert decoded(event.replace(name + value, name + b'{"a":1,"b":{"a":2}}')).id == "event-1"


@pytest.mark.parametrize(
    ("count", "sentence"), [(0, "the array holds 0 events: send 1 to 500 a record"), (501, "the array holds 501 events")]
)
def test_an_array_holds_one_to_five_hundred_events(count, sentence):
    letter = refused(an_array(*(a_usage_event(f"event-{number}") for number in range(count))))
    assert letter.reason is RefusalReason.BATCH_SIZE
    assert letter.detail.startswith(sentence)


def test_an_array_of_five_hundred_events_is_read():
    events, dead = decode_records([a_record(an_array(*(a_usage_event(f"event-{number}") for number in range(500))))])
    assert ([item.index for item in events], dead) == (list(range(500)), [])


# Arrays


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (a_usage_event(without=["id"]), RefusalReason.FIELD),
        (a_usage_event(data={"quantity": -1_000_001}), RefusalReason.QUANTITY),
        (a_usage_event(data={"route": []}), RefusalReason.PROPERTY),
        (EVENT.replace(b"sms", b"\xff"), RefusalReason.NOT_JSON),
        (with_data('{"a": 1, "a": 2}'), RefusalReason.DUPLICATE_JSON_KEY),
        (b"3", RefusalReason.NOT_AN_EVENT),
        (b"null", RefusalReason.NOT_AN_EVENT),
        (b'"text"', RefusalReason.NOT_AN_EVENT),
        (b"[]", RefusalReason.NOT_AN_EVENT),
        (b"{}", RefusalReason.FIELD),
    ],
    ids=str,
)
def test_one_bad_event_inside_an_array_is_dead_lettered_alone(bad, reason):
    events, dead = decode_records([a_record(an_array(a_usage_event("first"), bad, a_usage_event("last")))])
    assert [(item.event.id, item.index) for item in events] == [("first", 0), ("last", 2)]
    assert [(letter.reason, letter.index, letter.payload) for letter in dead] == [(reason, 1, bad)]


def test_an_array_that_is_not_json_as_a_whole_is_refused_as_a_whole():
    letter = refused(an_array(EVENT, EVENT.replace(b'"quantity": 1', b'"quantity": NaN')))
    assert (letter.reason, letter.index) == (RefusalReason.NOT_JSON, None)


@pytest.mark.parametrize("value", [b"3", b"null", b'"text"', b"true"])
def test_json_that_is_neither_an_object_nor_an_array_is_no_event(value):
    letter = refused(value)
    assert (letter.reason, letter.detail) == (
        RefusalReason.NOT_AN_EVENT,
        "the record is neither a JSON object nor an array of them",
    )


def test_a_bad_record_does_not_touch_its_neighbours():
    events, dead = decode_records([a_record(EVENT, 0), a_record(b"{", 1), a_record(b"", 2), a_record(EVENT, 3)])
    assert [item.origin.offset for item in events] == [0, 3]
    assert [letter.origin.offset for letter in dead] == [1, 2]
