"""Usage events: what identifies one, what counts as the same, which quantities and times can be meant."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import RefusalReason, Refused, TimeWindow, WaitReason, body_digest, event_key, quantity_millionths
from tests.builders_usage import HAPPENED_AT, an_event, micros_of

texts = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=12)  # the decoder refuses NUL
RECEIVED_MICROS = micros_of(HAPPENED_AT)
WINDOW = TimeWindow(
    late_limit_micros=timedelta(days=400) // timedelta(microseconds=1), future_tolerance_micros=3_600_000_000
)


def test_identity_is_the_source_and_the_id_and_nothing_else():
    moved = an_event(
        "event-1", subject="bolt", meter="voice.minutes", at=HAPPENED_AT + timedelta(hours=3), quantity=7, channel="voice"
    )
    assert moved.key == an_event("event-1").key
    assert an_event("event-2").key != an_event("event-1").key
    assert event_key("/a", "1") != event_key("/b", "1")


@given(texts, texts, texts)
def test_no_two_pairs_of_source_and_id_run_together(source, event_id, tail):
    assert event_key(source + tail, event_id) != event_key(source, tail + event_id)
    assert len(event_key(source, event_id)) == 16


def test_ids_that_begin_alike_have_keys_that_lie_close_together_and_are_none_the_less_different():
    early, late = (event_key("/otpless/core", f"018f3c2e-{rest}") for rest in ("7b1a-7000", "99ff-7001"))
    assert early[:4] == late[:4] != event_key("/otpless/core", "018f3c2f-7b1a-7000")[:4]
    assert early[4:] != late[4:]


def test_a_retry_has_the_same_body_whatever_its_time_says():
    assert an_event(at=HAPPENED_AT + timedelta(hours=1)).body_digest == an_event().body_digest


@pytest.mark.parametrize(
    "changed",
    [
        {"meter": "voice.minutes"},
        {"subject": "bolt"},
        {"quantity": 2},
        {"channel": "whatsapp"},
        {"channel": "sms", "country": "IN"},
    ],
    ids=str,
)
def test_a_body_differs_when_anything_that_happened_differs(changed):
    assert an_event(**changed).body_digest != an_event().body_digest


def test_one_and_one_point_zero_are_the_same_quantity_and_the_same_body():
    assert an_event(quantity=Decimal("1.0")).body_digest == an_event(quantity=1).body_digest


@given(texts, texts)
def test_no_two_neighbouring_fields_of_a_body_run_together(meter, subject):
    assert body_digest(meter + "x", subject, 1, "{}") != body_digest(meter, "x" + subject, 1, "{}")


@pytest.mark.parametrize(
    ("sent", "millionths"),
    [
        (0, 0),
        (1, 1_000_000),
        (1_000_000, 1_000_000_000_000),
        (Decimal("0.000001"), 1),
        (Decimal("2.50"), 2_500_000),
        (Decimal("1E2"), 100_000_000),
        (Decimal("-0.0"), 0),
        (Decimal("1000000.000000"), 1_000_000_000_000),
    ],
    ids=str,
)
def test_a_quantity_is_kept_in_whole_millionths(sent, millionths):
    assert quantity_millionths(sent) == millionths


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (-1_000_001, "between -1,000,000 and 1,000,000"),
        (1_000_001, "between -1,000,000 and 1,000,000"),
        (10**40, "between -1,000,000 and 1,000,000"),
        (Decimal("-1000000.000001"), "between -1,000,000 and 1,000,000"),
        (Decimal("1000000.000001"), "between -1,000,000 and 1,000,000"),
        (Decimal("1E+400"), "between -1,000,000 and 1,000,000"),
        (Decimal("NaN"), "between -1,000,000 and 1,000,000"),
        (Decimal("Infinity"), "between -1,000,000 and 1,000,000"),
        (Decimal("0.0000001"), "at most 6"),
        (Decimal("0." + "1" + "0" * 30 + "1"), "at most 6"),
        (Decimal("1E-9999999"), "at most 6"),
        (True, "must be a JSON number"),
        (None, "must be a JSON number"),
        ("1", "must be a JSON number"),
        ([1], "must be a JSON number"),
        (1.5, "must be a JSON number"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_quantity_that_cannot_be_meant_is_refused_by_name(sent, sentence):
    with pytest.raises(Refused, match=sentence) as refused:
        quantity_millionths(sent)
    assert refused.value.reason is RefusalReason.QUANTITY
    assert "data.quantity" in str(refused.value)


@given(st.decimals(min_value=0, max_value=1_000_000, places=6))
def test_every_quantity_of_six_decimals_is_taken_exactly(quantity):
    assert Decimal(quantity_millionths(quantity)).scaleb(-6) == quantity


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(0), None),
        (timedelta(hours=-1), None),
        (timedelta(days=400), None),
        (timedelta(days=400, microseconds=1), WaitReason.TOO_LATE),
        (timedelta(days=3653), WaitReason.TOO_LATE),
    ],
    ids=str,
)
def test_an_event_is_rated_up_to_the_late_limit_and_then_waits_for_a_person(age, verdict):
    then = RECEIVED_MICROS - age // timedelta(microseconds=1)
    assert WINDOW.verdict(then, received_micros=RECEIVED_MICROS) is verdict


@pytest.mark.parametrize(
    ("age", "sentence"),
    [
        (timedelta(hours=-1, microseconds=-1), "time is more than 1 h after the record arrived"),
        (timedelta(days=-36_500), "time is more than 1 h after the record arrived"),
        (timedelta(days=3653, microseconds=1), "time is more than ten years ago"),
        (timedelta(days=365_000), "time is more than ten years ago"),
    ],
    ids=str,
)
def test_a_time_in_the_future_or_centuries_away_is_refused(age, sentence):
    with pytest.raises(Refused, match=sentence) as refused:
        WINDOW.verdict(RECEIVED_MICROS - age // timedelta(microseconds=1), received_micros=RECEIVED_MICROS)
    assert refused.value.reason is RefusalReason.TIME_OUT_OF_RANGE
