"""Decoding the fields of an event: each fault gets its reason code and a sentence that names the field and the way out."""

import json

import pytest

from domain.usage import RefusalReason
from tests.builders_usage import HAPPENED_AT, a_usage_event, micros_of
from tests.decoding import EVENT, decoded, refused, with_data

# Quantities


ABSURD = [
    "-1000001",
    "-1e7",
    "-1000000.000001",
    "1000000.000001",
    "1000001",
    "1e7",
    "1e400",
    "1e999999",
    "99999999999999999999",
]
TOO_FINE = ["0.0000001", "1e-9999999", "0.10000000000000000000000000000001"]
MISTYPED = ["true", "null", '"1"', "[1]", "{}"]


@pytest.mark.parametrize("quantity", [*ABSURD, *TOO_FINE, *MISTYPED])
def test_an_absurd_or_mistyped_quantity_is_refused_by_name(quantity):
    letter = refused(with_data(f'{{"quantity": {quantity}, "channel": "sms"}}'))
    assert letter.reason is RefusalReason.QUANTITY
    assert letter.detail.startswith("data.quantity ")


def test_a_number_no_type_can_hold_is_refused_as_a_field():
    letter = refused(with_data('{"quantity": 1e99999999999999999999}'))
    assert letter.reason is RefusalReason.FIELD
    assert "out of range" in letter.detail


@pytest.mark.parametrize("value", ["1" * 257, "-" + "9" * 5000, "0." + "1" * 257, "1." + "0" * 65_000, f'"{"7" * 257}"'])
def test_more_digits_in_a_row_than_a_text_may_have_are_refused_by_name_and_unread(value):
    letter = refused(with_data(f'{{"channel": "sms", "amount" : {value}}}'))
    assert (letter.reason, letter.detail) == (
        RefusalReason.FIELD,
        "data.amount has more than 256 digits in a row: send fewer",
    )


def test_as_many_digits_as_a_text_may_have_are_read():
    digits = "7" * 256
    assert decoded(with_data(f'{{"channel": "sms", "reference": "{digits}"}}')).properties["reference"] == digits


# Repeated keys


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (EVENT.replace(b'"id": "event-1"', b'"id": "event-1", "id": "event-2"'), "id"),
        (EVENT.replace(b'"id": "event-1"', b'"id": "event-1", "i\\u0064": "event-2"'), "id"),
        (EVENT.replace(b'"id": "event-1"', b'"id": "event-1", "id" \t\r\n : "event-2"'), "id"),
        (EVENT.replace(b'"id"', b'"\\u0069d": "event-2", "\\u0069\\u0064"'), "id"),
        (with_data('{"quantity": 1, "quantity": 2}'), "quantity"),
        (with_data('{"quantity": 1, "channel": "sms", "\\u0071uantity" : 2}'), "quantity"),
        (with_data('{"channel": "sms", "channel": "sms"}'), "channel"),
        (with_data('{"channel": "sms"}, "data": {"channel": "sms"}'), "data"),
        (with_data('{}, "data": {}'), "data"),
        (a_usage_event(without=["data"])[:-1] + b', "subject": "bolt"}', "subject"),
        (a_usage_event(without=["data"])[:-1] + b', "x": 1, "x": 1}', "x"),
        (EVENT[:-1] + b', "context": {"a": {"b": 1, "b": 2}}}', "b"),
        (EVENT[:-1] + b', "time": "2026-10-15T12:00:00Z"}', "time"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_sent_twice_is_refused_by_name_however_it_is_spelt(value, key):
    letter = refused(value)
    assert letter.reason is RefusalReason.DUPLICATE_JSON_KEY
    assert letter.detail == f"the key {key!r} appears twice in one object: send it once"


@pytest.mark.parametrize("value", ['a":b', '":', '\\": {"', 'x" : "y', '": "": "'], ids=repr)
def test_text_that_looks_like_a_key_is_not_taken_for_one(value):
    event = decoded(a_usage_event(data={"note": value, "channel": "sms"}))
    assert event.properties == {"note": value, "channel": "sms"}


def test_one_name_in_two_objects_is_not_a_repetition():
    assert decoded(a_usage_event(data={"id": "inner", "time": "inner", "data": "inner"})).properties["id"] == "inner"


def test_a_repeated_key_is_found_among_as_many_names_as_an_event_may_hold():
    many = ", ".join(f'"k{number}": 0' for number in range(80))
    assert "'k79'" in refused(EVENT[:-1] + f', "x": {{{many}, "k79": 1}}}}'.encode()).detail


def test_names_without_end_are_refused_before_they_are_looked_at():
    many = ", ".join(f'"k{number}": 0' for number in range(200))
    letter = refused(EVENT[:-1] + f', "x": {{{many}}}}}'.encode())
    assert letter.reason is RefusalReason.PROPERTY
    assert letter.detail == "the event holds more than 100 names: send fewer attributes"


# Times


@pytest.mark.parametrize(
    ("time", "sentence"),
    [
        ("2026-10-15T12:00:00", "Expected `datetime` with a timezone component - at `$.time`"),
        ("2026-10-15", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("12:00:00Z", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("2026-02-30T12:00:00Z", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("2026-10-15T24:00:00Z", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("2026-10-15T12:00:60Z", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("20261-10-15T12:00:00Z", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("0000-10-15T12:00:00Z", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("yesterday", "Invalid RFC3339 encoded datetime - at `$.time`"),
        ("", "Invalid RFC3339 encoded datetime - at `$.time`"),
        (1_792_065_600, "Expected `datetime`, got `int` - at `$.time`"),
        (None, "Expected `datetime`, got `null` - at `$.time`"),
    ],
)
def test_a_time_without_a_zone_or_a_date_that_is_none_is_refused_by_name(time, sentence):
    letter = refused(a_usage_event(time=time))
    way_out = "send it as RFC 3339 has it, with a zone, e.g. 2026-10-15T12:00:00Z"
    assert (letter.reason, letter.detail) == (RefusalReason.FIELD, f"{sentence}: {way_out}")


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "1926-10-15T12:00:00Z", "2126-10-15T12:00:00Z"]
)
def test_a_time_centuries_away_is_read_exactly_so_that_the_window_can_judge_it(time):
    sent = decoded(a_usage_event(time=time)).time_micros
    assert abs(sent - micros_of(HAPPENED_AT)) > 99 * 365 * 86_400 * 1_000_000


# Fields


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
def test_a_missing_attribute_is_refused_by_name(name):
    letter = refused(a_usage_event(without=[name]))
    assert letter.reason is RefusalReason.FIELD
    assert letter.detail.startswith(f"Object missing required field `{name}`: ")


def test_what_a_wrong_attribute_should_be_is_said():
    assert refused(a_usage_event(specversion="0.3")).detail.endswith('at `$.specversion`: send "1.0"')
    assert refused(a_usage_event(data=[])).detail.endswith("at `$.data`: send an object of named values")
    assert refused(a_usage_event(id=5)).detail.endswith("at `$.id`: correct it and send the event again")


WRONG = {"null": None, "number": 1, "boolean": True, "array": [], "object": {}}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
def test_an_attribute_of_a_wrong_type_is_refused_by_name(name, kind):
    letter = refused(a_usage_event(**{name: WRONG[kind]}))
    assert letter.reason is RefusalReason.FIELD
    assert f"at `$.{name}`" in letter.detail


@pytest.mark.parametrize("data", [None, 1, "text", [], True], ids=str)
def test_data_that_is_not_an_object_is_refused_by_name(data):
    letter = refused(a_usage_event(data=data))
    assert letter.reason is RefusalReason.FIELD
    assert "at `$.data`" in letter.detail


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"specversion": "0.3"}, "Invalid enum value '0.3' - at `$.specversion`"),
        ({"specversion": "1.0\u0000"}, "at `$.specversion`"),
        ({"id": ""}, "Expected `str` of length >= 1 - at `$.id`"),
        ({"id": "x" * 257}, "Expected `str` of length <= 256 - at `$.id`"),
        ({"source": ""}, "at `$.source`"),
        ({"source": "x" * 257}, "at `$.source`"),
        ({"type": "x" * 129}, "at `$.type`"),
        ({"subject": ""}, "at `$.subject`"),
        ({"subject": "x" * 129}, "at `$.subject`"),
        ({"subject": "ac\u0000me"}, "subject may not hold the character U+0000"),
        ({"id": "\u0000"}, "may not hold the character U+0000"),
    ],
    ids=str,
)
def test_an_attribute_that_is_empty_or_too_long_or_cannot_be_stored_is_refused_by_name(changes, sentence):
    letter = refused(a_usage_event(**changes))
    assert letter.reason is RefusalReason.FIELD
    assert sentence in letter.detail


# Properties


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ('{"route": ["a"]}', "data.route must be a text, number, boolean or null: it is nested"),
        ('{"route": {"via": "a"}}', "data.route must be a text, number, boolean or null: it is nested"),
        (json.dumps({"note": "x" * 257}), "data.note is longer than 256 characters"),
        (json.dumps({"x" * 257: 1}), "data has a property name longer than 256 characters"),
        (json.dumps({f"p{n}": n for n in range(33)}), "data has 33 properties: send at most 32"),
        ('{"msisdn": 9223372036854775808}', "data.msisdn does not fit 64 bits: send it as a text"),
        ('{"msisdn": -9223372036854775809}', "data.msisdn does not fit 64 bits: send it as a text"),
        ('{"score": 1e31}', "data.score is out of range: send it as a text"),
        ('{"score": 1e-400}', "data.score is out of range: send it as a text"),
    ],
    ids=lambda value: value[:30],
)
def test_a_property_that_is_nested_or_too_large_is_refused_by_name(data, sentence):
    letter = refused(with_data(data))
    assert (letter.reason, letter.detail) == (RefusalReason.PROPERTY, sentence)


def test_thirty_two_properties_beside_the_quantity_are_taken():
    assert len(decoded(a_usage_event(data={"quantity": 2, **{f"p{n}": n for n in range(32)}})).properties) == 32


def test_a_sentence_never_holds_what_the_database_cannot():
    letter = refused(with_data('{"a\\u0000b": []}'))
    assert letter.detail == "data.a\\0b must be a text, number, boolean or null: it is nested"
