"""The reference model by itself: small cases whose answers are known by heart."""

from datetime import timedelta

import pytest

from tests.builders_usage import HAPPENED_AT, MATRIX, RECEIVED_AT, TIERS, a_usage_event, an_array, micros_of
from tests.reference_model import ReferenceModel, Standing

EVER = 2**62
TERMS = {
    "meters": {"otp.delivered", "voice.minutes"},
    "aliases": {"acme": [(-EVER, EVER, "acme")]},
    "accounts": {
        "acme": {
            "opening_micros": 10_000_000,
            "time_zone": "Asia/Kolkata",
            "plans": [(-EVER, EVER, "otp-inr v1", {"otp.delivered": MATRIX, "voice.minutes": TIERS})],
        }
    },
}
NOW = micros_of(RECEIVED_AT)
DAY = 86_400_000_000


@pytest.fixture
def model():
    return ReferenceModel(TERMS)


def test_an_event_costs_its_price_and_lowers_the_balance(model):
    assert model.book(a_usage_event(), NOW) == {"rated": 1}
    assert model.standing("acme") == Standing(1, 1_000_000, 200_000, 9_800_000)


def test_tiers_meet_at_their_edge(model):
    model.book(a_usage_event(type="voice.minutes", data={"quantity": 101.5}), NOW)
    assert model.standing("acme").charge_micros == 101_200_000


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (a_usage_event(), "duplicate"),
        (a_usage_event(at=HAPPENED_AT - timedelta(hours=3)), "duplicate"),
        (a_usage_event(data={"quantity": 2, "channel": "sms"}), "conflict"),
    ],
)
def test_an_identity_counts_once_within_a_day(model, second, outcome):
    model.book(a_usage_event(), NOW)
    assert model.book(second, NOW + DAY - 1) == {outcome: 1}
    assert model.standing("acme").events == 1


def test_after_a_day_the_event_time_decides(model):
    model.book(a_usage_event(), NOW)
    assert model.book(a_usage_event(), NOW + DAY) == {"duplicate": 1}
    assert model.book(a_usage_event(at=HAPPENED_AT + timedelta(hours=1)), NOW + DAY) == {"rated": 1}


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (b"not json", "dead_lettered"),
        (a_usage_event(type="otp.deliverd"), "dead_lettered"),
        (a_usage_event(at=HAPPENED_AT + timedelta(hours=2)), "dead_lettered"),
        (a_usage_event(data={"quantity": -1_000_001}), "dead_lettered"),
        (a_usage_event(data={"quantity": -1, "channel": "sms"}), "dead_lettered"),
        (a_usage_event(subject="nobody"), "quarantined"),
        (a_usage_event(data={"channel": "pigeon"}), "quarantined"),
        (a_usage_event(at=HAPPENED_AT - timedelta(days=500)), "quarantined"),
    ],
)
def test_what_cannot_be_rated_costs_nothing(model, value, outcome):
    assert model.book(value, NOW) == {outcome: 1}
    assert model.standing("acme") == Standing(0, 0, 0, 10_000_000)


def test_every_event_of_an_array_counts(model):
    ended = model.book(an_array(a_usage_event("a"), a_usage_event("b"), a_usage_event("a"), b"1"), NOW)
    assert ended == {"rated": 2, "duplicate": 1, "dead_lettered": 1}
