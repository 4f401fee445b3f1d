"""The paper of the drill: what payment events come to, and that a ledger which is not as on paper is noticed."""

import json
from datetime import UTC, datetime, timedelta

from tests.drill.logged_producer import SentRecord
from tests.drill.wallets.office import Given
from tests.drill.wallets.paper import Entry, Paper, Payments

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def an_event(kind, reference, amount, *, event_id=None, account="W0001", **data):
    facts = {"gateway": "razorpay", "reference": reference, "amount_minor": amount, "currency": "INR", **data}
    return {"id": event_id or f"evt-{reference}", "type": f"payment.{kind}", "subject": account, "data": facts}


def payments_of(*events):
    return Payments.of([SentRecord(0, place, 0, json.dumps(event).encode()) for place, event in enumerate(events)])


def an_entry(version, cause, reference, amount, balance, *, seconds=0):
    return Entry("W0001", version, cause, reference, NOON + timedelta(seconds=seconds), amount, balance)


def paper(*events, given=None, messages=None):
    return Paper(payments_of(*events), given or {}, messages or {})


def test_a_payment_is_credited_before_tax_and_given_back_part_by_part_to_the_last_paisa():
    found = payments_of(
        an_event("captured", "p", 1_180),
        an_event("refunded", "r1", 100, payment="p"),
        an_event("disputed", "r2", 1_080, payment="p"),
    )

    assert found.credits == {"p": ("W0001", 10_000_000)}
    assert [micros for _, _, micros in found.returns.values()] == [840_000, 9_160_000]


def test_what_is_repeated_counts_once_and_what_cannot_be_waits_for_its_reason():
    found = payments_of(
        an_event("refunded", "r0", 300, payment="late"),
        an_event("captured", "p", 1_180),
        an_event("captured", "p", 1_180),
        an_event("captured", "p", 1_180, event_id="again"),
        an_event("captured", "p", 1_181, event_id="evt-p"),
        an_event("captured", "p", 1_181, event_id="other"),
        an_event("captured", "late", 1_180),
        an_event("captured", "x", 1_180, account="W9999"),
        an_event("captured", "y", 1_180, account="D0000"),
        an_event("captured", "z", 1_180, currency="USD"),
        an_event("refunded", "r1", 2_000, payment="p"),
        an_event("refunded", "r2", 1, payment="nobody"),
        an_event("captured", "bad", 0),
    )

    assert found.outcomes == {"accepted": 10, "duplicate": 1, "conflict": 1, "dead_lettered": 1}
    assert found.applied == {
        "evt-r0": "refunded",
        "evt-p": "credited",
        "again": "noted",
        "other": "other_amount",
        "evt-late": "credited",
        "evt-x": "unknown_account",
        "evt-y": "not_prepaid",
        "evt-z": "other_currency",
        "evt-r1": "too_much",
        "evt-r2": "no_such_payment",
    }


def test_lots_are_used_in_the_order_of_the_ledger():
    given = {"g": Given("W0001", "promotional", 2_000_000, NOON + timedelta(seconds=10))}
    found = paper(given=given, messages={"e1": ("W0001", 3), "e2": ("W0001", 1)})

    found.book(an_entry(1, "top_up", "opening", 12_000_000, 12_000_000), events=(), lot=None)
    found.book(an_entry(2, "promotion", "g", 2_000_000, 14_000_000), events=(), lot=None)
    found.book(an_entry(3, "usage", "7", -1_500_000, 12_500_000, seconds=5), events=("e1",), lot=None)
    found.book(an_entry(4, "usage", "8", -500_000, 12_000_000, seconds=20), events=("e2",), lot=None)
    found.book(an_entry(5, "expiry", "lot 2", -500_000, 11_500_000, seconds=21), events=(), lot=("promotion", "g"))

    assert found.wrong == []
    assert found.never_booked() == []
    assert found.lots() == {("W0001", "opening"): 11_500_000, ("W0001", "g"): 0}


def test_a_wrong_amount_a_doubled_credit_and_one_that_is_missing_are_noticed():
    found = paper(an_event("captured", "p", 1_180), an_event("captured", "q", 1_180), messages={"e": ("W0001", 1)})
    found.book(an_entry(1, "top_up", "razorpay p", 10_000_000, 10_000_000), events=(), lot=None)
    found.book(an_entry(2, "top_up", "razorpay p", 10_000_000, 20_000_000), events=(), lot=None)
    found.book(an_entry(3, "usage", "7", -500_001, 19_499_999), events=("e",), lot=None)
    found.book(an_entry(4, "top_up", "razorpay nobody's", 1, 19_500_000), events=(), lot=None)

    assert len(found.wrong) == 3, "the usage's amount, and of what nobody sent the cause and the amount"
    assert sorted(found.never_booked()) == [
        "top_up razorpay nobody's is booked 1 times",
        "top_up razorpay p is booked 2 times",
        "top_up razorpay q is booked 0 times",
    ]
