"""Deliveries: growing pauses, and an end."""

from datetime import timedelta

from domain.deliveries import LEASE, PAUSES, next_try
from tests.builders_notices import NOON


def test_pauses_grow_and_end_after_three_days():
    moments = [next_try(failures, permanent=False, now=NOON) for failures in range(1, len(PAUSES) + 1)]
    assert moments == sorted(moments)
    assert sum(PAUSES, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert next_try(len(PAUSES) + 1, permanent=False, now=NOON) is None


def test_what_cannot_get_through_is_given_up_at_once():
    assert next_try(1, permanent=True, now=NOON) is None


def test_a_lease_is_longer_than_the_longest_sending():
    assert timedelta(seconds=60) < LEASE
