"""Charges go on from the running totals of the month, and a month turns at midnight of the account."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from connectors import wiring
from domain.money import Currency
from invoicing.administer import map_aliases
from tests.books import AUTHOR, open_account
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, a_usage_event

pytestmark = pytest.mark.engines

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


def minutes(event_id, quantity, **changes):
    return a_usage_event(event_id, type="voice.minutes", data={"quantity": quantity}, **changes)


def test_tiers_go_on_across_batches_and_across_workers(worker, other_worker, topic, books):
    worker.take(topic.append(minutes("a", 60), minutes("b", 30)))
    other_worker.take(topic.append(minutes("c", 20), partition=0))
    worker.restart()
    worker.take(topic.append(minutes("d", 0.5)))
    charged = books.rows("SELECT event_id, amount_micros FROM usage_event ORDER BY event_id")
    assert charged == [("a", 60_000_000), ("b", 30_000_000), ("c", 10_000_000 + 8_000_000), ("d", 400_000)]
    assert books.totals("acme") == {(OCTOBER, "*"): (Decimal("110.5"), Decimal("108.4"), 4)}
    assert books.balance("acme") == Decimal("-108.4")


def test_every_month_starts_with_the_first_tier(worker, topic, books):
    worker.take(topic.append(minutes("a", 150)))
    worker.take(topic.append(minutes("b", 150, at=HAPPENED_AT - timedelta(days=30))))
    assert books.totals("acme") == {
        (OCTOBER, "*"): (Decimal(150), Decimal(140), 1),
        (SEPTEMBER, "*"): (Decimal(150), Decimal(140), 1),
    }


def test_accounts_have_totals_of_their_own(worker, topic, books):
    worker.take(topic.append(minutes("a", 90), minutes("b", 90, subject="bolt")))
    assert books.balance("acme") == books.balance("bolt") == -90


def test_fractions_of_a_micro_are_charged_when_they_add_up(worker, topic, books):
    worker.take(topic.append(*(minutes(f"event-{number}", 0.000001) for number in range(10))))
    assert books.totals("acme") == {(OCTOBER, "*"): (Decimal("0.00001"), Decimal("0.00001"), 10)}
    worker.take(topic.append(minutes("large", 100), *(minutes(f"more-{number}", 0.000001) for number in range(10))))
    assert books.totals("acme")[OCTOBER, "*"] == (Decimal("100.00002"), Decimal("100.000016"), 21)


@pytest.mark.parametrize(
    ("time_zone", "currency", "turn"),
    [
        ("Asia/Kolkata", Currency.INR, "2026-09-30T18:30:00+00:00"),
        ("Asia/Jakarta", Currency.IDR, "2026-09-30T17:00:00+00:00"),
        ("America/New_York", Currency.USD, "2026-10-01T04:00:00+00:00"),
    ],
)
def test_a_month_turns_at_midnight_of_the_account(worker, topic, books, time_zone, currency, turn):
    open_account("local", time_zone=time_zone, currency=currency)
    midnight = datetime.fromisoformat(turn)
    before, after = midnight - timedelta(microseconds=1), midnight
    worker.take(topic.append(a_usage_event("a", subject="local", at=before), a_usage_event("b", subject="local", at=after)))
    assert {month: events for (month, _), (_, _, events) in books.totals("local").items()} == {SEPTEMBER: 1, OCTOBER: 1}


def test_an_account_opened_between_two_batches_is_seen_in_the_next(worker, topic, books):
    worker.take(topic.append(a_usage_event("a")))
    open_account("curb")
    metered = worker.take(topic.append(a_usage_event("b", subject="curb")))
    assert books.outcomes() == {"rated": 2}
    assert [balance.balance_micros for balance in metered.balances] == [-200_000]
    versions = [version for (version,) in books.rows("SELECT config_version FROM batch ORDER BY batch_id")]
    assert versions[0] < versions[1]


def test_an_alias_mapped_between_two_batches_is_seen_in_the_next(worker, topic, books):
    worker.take(topic.append(a_usage_event("a", subject="shop")))
    map_aliases(wiring.administration(), {"shop": "bolt"}, author=AUTHOR)
    worker.take(topic.append(a_usage_event("b", subject="shop")))
    assert books.outcomes() == {"quarantined": 1, "rated": 1}
    assert books.balance("bolt") == Decimal("-0.20")


def test_usage_reported_a_year_late_goes_to_the_month_it_happened_in(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=HAPPENED_AT), received_at=RECEIVED_AT + timedelta(days=399)))
    assert list(books.totals("acme")) == [(OCTOBER, "sms")]


def test_a_prepaid_wallet_goes_below_zero_and_is_never_refused(worker, topic, books):
    open_account("curb", mode="prepaid")
    worker.take(topic.append(a_usage_event(subject="curb", data={"quantity": 1_000_000, "channel": "sms"})))
    assert books.balance("curb") == -200_000
