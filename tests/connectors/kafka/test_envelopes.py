"""Decoding payment and config events: the well-formed are read, and every hostile record leaves a reason and its bytes."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.config_changes import ConfigType
from domain.money import Currency
from domain.payments import Gateway, Payment, PaymentType
from domain.receiving import Family
from domain.usage import RECORD_BYTES_MAX, RefusalReason
from tests.builders_received import a_document, an_event, another_body
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, an_array, micros_of
from tests.receiving import decode, decoded, refused

FAMILIES = list(Family)
of_both_families = pytest.mark.parametrize("family", FAMILIES)


def with_data(family, **changes):
    return an_event(family, data={**a_document(family)["data"], **changes})


def nested(depth):
    return "[" * depth + "]" * depth


# Read


def test_a_payment_is_read_with_its_gateway_reference_amount_and_account():
    payment = decoded(Family.PAYMENT, an_event(Family.PAYMENT)).fact
    assert payment == Payment(
        PaymentType.CAPTURED, "acme", Gateway.RAZORPAY, "pay_29QQoUBi66xm2f", amount_minor=118_000, currency=Currency.INR
    )


def test_a_config_change_is_read_with_its_data():
    change = decoded(Family.CONFIG, an_event(Family.CONFIG)).fact
    assert (change.type, change.subject) == (ConfigType.ALIAS_MAPPED, "acme-web")
    assert change.data == a_document(Family.CONFIG)["data"]
    assert change.time_micros == micros_of(HAPPENED_AT)


@of_both_families
def test_an_event_is_read_with_its_identity_time_place_and_bytes(family):
    first, second = an_event(family, "a"), an_event(family, "b")
    events, dead = decode(family, b" " + an_array(first, second) + b"\n")
    assert dead == []
    assert [(item.event.id, item.index, item.payload) for item in events] == [("a", 0, first), ("b", 1, second)]
    assert events[0].event.time_micros == micros_of(HAPPENED_AT)
    assert events[0].event.key != events[1].event.key


@of_both_families
def test_a_retry_has_the_same_body_whatever_its_time_and_the_order_of_its_keys(family):
    backwards = json.dumps(dict(reversed(a_document(family, time=RECEIVED_AT.isoformat()).items()))).encode()
    one, other = decoded(family, an_event(family)).event, decoded(family, backwards).event
    assert (one.key, one.body_digest) == (other.key, other.body_digest)


@of_both_families
def test_another_type_subject_or_data_is_another_body(family):
    type_ = {Family.PAYMENT: "payment.failed", Family.CONFIG: "account.opened"}[family]
    changes = [{}, {"type": type_}, {"subject": "bolt"}, another_body(family)]
    digests = {decoded(family, an_event(family, **change)).event.body_digest for change in changes}
    assert len(digests) == len(changes)


@of_both_families
def test_an_event_that_comes_late_is_received_all_the_same(family):
    assert decoded(family, an_event(family, time=(RECEIVED_AT - timedelta(days=3_000)).isoformat()))


@of_both_families
def test_extension_attributes_are_left_alone(family):
    assert (
        decoded(family, an_event(family, traceparent="00-1", more={"a": [1]})).event
        == decoded(family, an_event(family)).event
    )


# Refused: bytes that are no JSON


@of_both_families
@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event[:1],
        lambda event: event[: len(event) // 2],
        lambda event: event[:-1],
        lambda event: b"[" + event,
        lambda event: event + event,
        lambda event: b"",
        lambda event: b" \n",
        lambda event: b"\x00\x01\x02",
        lambda event: b"\xff\xfe\x00",
        lambda event: b"\xef\xbb\xbf" + event,
        lambda event: event.decode().encode("utf-16"),
        lambda event: event.replace(b"acme", b"\xff\xfe"),
        lambda event: event.replace(b'"acme', b'"\\ud800'),
        lambda event: event[:-1] + f', "x": {nested(100_000)}}}'.encode(),
        lambda event: nested(100_000).encode(),
        *(
            lambda event, number=number: event.replace(b'"data": {', b'"data": {"n": %b, ' % number)
            for number in (b"NaN", b"-Infinity", b"0x10", b"01", b"1.")
        ),
    ],
)
def test_what_is_not_json_is_refused_whole_with_its_bytes(family, spoil):
    value = spoil(an_event(family))
    letter = refused(family, value)
    assert (letter.reason, letter.index, letter.payload) == (RefusalReason.NOT_JSON, None, value)
    assert letter.detail


@of_both_families
def test_records_that_are_too_large_are_refused_with_the_size_to_send(family):
    value = b"x" * 5_000_000
    letter = refused(family, value)
    assert (letter.reason, letter.payload) == (RefusalReason.RECORD_TOO_LARGE, value)
    assert letter.detail == "the record has 5,000,000 bytes: send at most 1,048,576, in several records"
    padded = an_event(family, padding="x" * (RECORD_BYTES_MAX - len(an_event(family, padding=""))))
    assert len(padded) == RECORD_BYTES_MAX
    assert decoded(family, padded)


@of_both_families
@pytest.mark.parametrize("count", [0, 501])
def test_arrays_of_no_or_too_many_events_are_refused(family, count):
    letter = refused(family, an_array(*[an_event(family)] * count))
    assert (letter.reason, letter.detail) == (
        RefusalReason.BATCH_SIZE,
        f"the array holds {count} events: send 1 to 500 a record",
    )


@of_both_families
@pytest.mark.parametrize("value", [b"1", b'"text"', b"null", b"true", b"[1]", b"[[]]", b"[null]"])
def test_json_that_is_no_event_is_refused(family, value):
    assert refused(family, value).reason is RefusalReason.NOT_AN_EVENT


@of_both_families
@pytest.mark.parametrize("place", ["envelope", "data", "extension"])
def test_a_key_that_stands_twice_in_one_object_is_named(family, place):
    event = an_event(family, more={"a": 1})
    twice = {
        "envelope": event.replace(b"{", b'{"subject": "first", ', 1),
        "data": event.replace(b'"data": {', b'"data": {"twin": 1, "twin": 1, '),
        "extension": event.replace(b'{"a": 1}', b'{"a": 1, "a": 2}'),
    }
    letter = refused(family, twice[place])
    assert letter.reason is RefusalReason.DUPLICATE_JSON_KEY
    key = {"envelope": "subject", "data": "twin", "extension": "a"}[place]
    assert letter.detail == f"the key '{key}' appears twice in one object: send it once"


# Refused: attributes


@of_both_families
@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time", "data"])
@pytest.mark.parametrize("value", ["missing", None, 7, "", [], {"a": {}}, True], ids=repr)
def test_an_attribute_that_is_missing_empty_or_of_a_wrong_type_is_named(family, name, value):
    if name == "data" and value == {"a": {}}:
        value = "text"
    event = an_event(family, without=[name]) if value == "missing" else an_event(family, **{name: value})
    letter = refused(family, event)
    assert letter.reason in (RefusalReason.FIELD, RefusalReason.UNKNOWN_TYPE)
    assert name in letter.detail


@of_both_families
@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
def test_an_attribute_that_is_too_long_or_holds_nul_is_refused(family, name):
    assert refused(family, an_event(family, **{name: "x" * 257})).reason is RefusalReason.FIELD
    letter = refused(family, an_event(family, **{name: "a\0b"}))
    assert (letter.reason, letter.detail) == (
        RefusalReason.FIELD,
        "id, source, type and subject may not hold the character U+0000: leave it out",
    )


@of_both_families
@pytest.mark.parametrize("time", ["2026-10-15T12:00:00", "2026-10-15", "soon", "2026-02-30T00:00:00Z", 1_760_000_000])
def test_a_time_without_a_zone_or_a_calendar_day_is_refused(family, time):
    letter = refused(family, an_event(family, time=time))
    assert (letter.reason, "$.time" in letter.detail) == (RefusalReason.FIELD, True)


@of_both_families
@pytest.mark.parametrize(
    ("offset", "way_out"), [(timedelta(hours=2), "clock and time zone"), (timedelta(days=-4_000), "check its year")]
)
def test_a_time_that_cannot_be_meant_is_refused(family, offset, way_out):
    letter = refused(family, an_event(family, time=(RECEIVED_AT + offset).isoformat()))
    assert (letter.reason, way_out in letter.detail) == (RefusalReason.TIME_OUT_OF_RANGE, True)


@of_both_families
def test_a_type_of_the_other_family_or_of_none_is_refused_with_those_that_are_known(family):
    other = {Family.PAYMENT: "alias.mapped", Family.CONFIG: "payment.captured"}[family]
    known = {Family.PAYMENT: "payment.refunded", Family.CONFIG: "plan.published"}[family]
    for type_ in (other, "otp.delivered", "Payment.Captured"):
        letter = refused(family, an_event(family, type=type_))
        assert (letter.reason, known in letter.detail) == (RefusalReason.UNKNOWN_TYPE, True)


# Refused: data


@pytest.mark.parametrize(
    "amount", [0, -1, 10**15 + 1, 2**63, 2**70, 1.5, 100.0, 1e400, "100", None, True, [1], "१००"], ids=repr
)
def test_an_amount_that_is_no_whole_number_of_minor_units_is_refused(amount):
    value = with_data(Family.PAYMENT, amount_minor=amount).replace(b"Infinity", b"1e400")
    letter = refused(Family.PAYMENT, value)
    assert letter.reason in (RefusalReason.FIELD, RefusalReason.PROPERTY)
    assert "amount_minor" in letter.detail or "out of range" in letter.detail


@pytest.mark.parametrize("amount", [1, 10**15])
def test_amounts_are_taken_up_to_their_limits(amount):
    assert decoded(Family.PAYMENT, with_data(Family.PAYMENT, amount_minor=amount)).fact.amount_minor == amount


@pytest.mark.parametrize("name", ["gateway", "reference", "amount_minor", "currency"])
def test_a_payment_without_one_of_its_facts_is_refused_naming_it(name):
    data = {key: value for key, value in a_document(Family.PAYMENT)["data"].items() if key != name}
    letter = refused(Family.PAYMENT, an_event(Family.PAYMENT, data=data))
    assert (letter.reason, f"data.{name}" in letter.detail) == (RefusalReason.FIELD, True)


@pytest.mark.parametrize("value", ["EUR", "inr", "", None, 356, ["INR"], "INR "], ids=repr)
def test_an_unknown_currency_is_refused_with_those_that_are_known(value):
    letter = refused(Family.PAYMENT, with_data(Family.PAYMENT, currency=value))
    assert letter.reason in (RefusalReason.FIELD, RefusalReason.PROPERTY)
    assert letter.detail.endswith("send one of INR, USD, IDR") or "nested" in letter.detail


@pytest.mark.parametrize(
    "change", [{"gateway": "paypal"}, {"reference": ""}, {"reference": 7}, {"reference": None}], ids=str
)
def test_an_unknown_gateway_or_an_empty_reference_is_refused(change):
    (name,) = change
    letter = refused(Family.PAYMENT, with_data(Family.PAYMENT, **change))
    assert (letter.reason, letter.detail.startswith(f"data.{name} ")) == (RefusalReason.FIELD, True)


@of_both_families
@pytest.mark.parametrize(
    "change",
    [{"note": "a\0b"}, {"a\0b": 1}, {"note": "x" * 257}, {"x" * 257: 1}, {"note": 2**63}, {"note": -(2**63) - 1}],
    ids=["nul", "nul in a name", "long", "long name", "large", "small"],
)
def test_a_property_that_cannot_be_kept_is_refused(family, change):
    assert refused(family, with_data(family, **change)).reason is RefusalReason.PROPERTY


@of_both_families
@pytest.mark.parametrize("number", [b"1e19", b"1e400", b"1e-400", b"1e999999999", b"0." + b"1" * 39, b"0." + b"1" * 900_000])
def test_a_number_that_a_database_cannot_hold_is_refused(family, number):
    value = with_data(family, note=-77).replace(b"-77", number)
    assert refused(family, value).reason in (RefusalReason.PROPERTY, RefusalReason.FIELD)


def test_a_payment_has_flat_data_of_at_most_32_properties():
    assert "nested" in refused(Family.PAYMENT, with_data(Family.PAYMENT, card={"last4": "4242"})).detail
    assert decoded(Family.PAYMENT, with_data(Family.PAYMENT, **{f"p{number}": number for number in range(28)}))
    letter = refused(Family.PAYMENT, with_data(Family.PAYMENT, **{f"p{number}": number for number in range(29)}))
    assert letter.detail == "data has 33 properties: send at most 32"


def test_config_data_is_nested_up_to_8_levels_and_10_000_values():
    def levels(count):
        return {"a": json.loads(nested(count - 1))}

    assert decoded(Family.CONFIG, an_event(Family.CONFIG, data=levels(8)))
    assert "nested deeper than 8 levels" in refused(Family.CONFIG, an_event(Family.CONFIG, data=levels(9))).detail
    assert decoded(Family.CONFIG, an_event(Family.CONFIG, data={"a": [1] * 9_999}))
    assert "more than 10,000 values" in refused(Family.CONFIG, an_event(Family.CONFIG, data={"a": [1] * 10_000})).detail
    assert decoded(Family.CONFIG, an_event(Family.CONFIG, data={})).fact.data == {}


# Whatever comes


texts = st.text(max_size=8)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@of_both_families
@given(data=st.data())
def test_no_bytes_raise_and_each_record_leaves_events_or_letters(family, data):
    event = an_event(family)
    cut = data.draw(st.integers(0, len(event)))
    value = data.draw(
        st.one_of(st.binary(max_size=60), st.binary(max_size=6).map(lambda junk: event[:cut] + junk + event[cut:]))
    )
    events, dead = decode(family, value)
    assert len(events) + len(dead) >= 1


@of_both_families
@given(data=st.data())
def test_no_values_raise_and_each_event_ends_as_one_thing(family, data):
    changes = data.draw(
        st.dictionaries(st.sampled_from(["id", "type", "subject", "time", "data", "extra"]), values, max_size=3)
    )
    more = data.draw(st.dictionaries(texts, values, max_size=3))
    document = a_document(family, **changes)
    if isinstance(document["data"], dict):
        document["data"] |= more
    events, dead = decode(family, json.dumps(document).encode())
    assert len(events) + len(dead) == 1
