"""Metering: every event ends as exactly one of five kinds, and what is rated is charged by its running total."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, AliasSpan, Subscription
from domain.metering import Outcome, Total, TotalKey, Usage, prepare, settle
from domain.usage import RefusalReason, WaitReason
from tests.builders_usage import (
    HAPPENED_AT,
    SMS_PRICE_MICROS,
    TOPIC,
    WINDOW,
    a_charge,
    a_config,
    a_plan_version,
    a_received_event,
    an_account,
    an_event,
    an_origin,
)

OCTOBER = date(2026, 10, 1)
SMS_TOTAL = TotalKey(1, OCTOBER, 1, "sms/*")
MINUTES_TOTAL = TotalKey(1, OCTOBER, 2, "*")


def received(*events):
    """Events one after the other on one partition."""
    return [a_received_event(event, origin=an_origin(offset)) for offset, event in enumerate(events)]


def prepared(*events, config=None):
    return prepare(received(*events), config or a_config(), WINDOW)


def settled(*events, config=None, known=None, totals=None):
    return settle(prepared(*events, config=config), known or {}, totals or {})


def test_a_new_event_is_rated_and_debited_from_the_wallet_of_its_account():
    result = settled(an_event())
    (usage,) = result.rated
    assert (usage.account.code, usage.cell.name, usage.amount_micros) == ("acme", "sms/*", SMS_PRICE_MICROS)
    assert result.debits == {101: SMS_PRICE_MICROS}
    assert result.totals == {SMS_TOTAL: Total(1_000_000, SMS_PRICE_MICROS, 1)}


def test_the_same_event_twice_in_a_batch_is_rated_once():
    result = settled(an_event(), an_event(at=HAPPENED_AT + timedelta(minutes=5)))
    assert (len(result.rated), len(result.duplicates), len(result.conflicts)) == (1, 1, 0)
    assert result.debits == {101: SMS_PRICE_MICROS}


def test_another_body_under_the_same_id_in_a_batch_is_a_conflict_and_the_first_stays():
    result = settled(an_event(quantity=1), an_event(quantity=2), an_event(quantity=1))
    assert [usage.received.origin.offset for usage in result.rated] == [0]
    assert [item.origin.offset for item in result.conflicts] == [1]
    assert [item.origin.offset for item in result.duplicates] == [2]


def test_an_event_booked_before_is_a_duplicate_and_a_changed_one_a_conflict():
    same, changed = an_event("event-1"), an_event("event-2", quantity=2)
    known = {same.key: same.body_digest, changed.key: an_event("event-2").body_digest}
    result = settled(same, changed, known=known)
    assert (len(result.duplicates), len(result.conflicts), result.rated, result.debits) == (1, 1, [], {})


def test_repeats_in_a_batch_are_judged_by_what_was_booked_and_not_by_the_batch():
    booked = an_event(quantity=1)
    result = settled(
        an_event(quantity=2), an_event(quantity=2), an_event(quantity=1), known={booked.key: booked.body_digest}
    )
    assert [item.origin.offset for item in result.conflicts] == [0, 1]
    assert [item.origin.offset for item in result.duplicates] == [2]
    assert result.rated == []


def test_charges_go_on_from_the_running_total():
    so_far = {MINUTES_TOTAL: Total(99_000_000, 99_000_000, 50)}
    result = settled(*(an_event(f"call-{n}", meter="voice.minutes") for n in range(3)), totals=so_far)
    assert [usage.amount_micros for usage in result.rated] == [1_000_000, 800_000, 800_000]
    assert result.totals == {MINUTES_TOTAL: Total(3_000_000, 2_600_000, 3)}


def test_each_cell_and_each_month_has_a_total_of_its_own():
    result = settled(
        an_event("a", channel="sms"),
        an_event("b", channel="sms", country="US"),
        an_event("c", channel="sms", at=HAPPENED_AT - timedelta(days=30)),
    )
    assert set(result.totals) == {
        SMS_TOTAL,
        TotalKey(1, OCTOBER, 1, "sms/US"),
        TotalKey(1, date(2026, 9, 1), 1, "sms/*"),
    }


def test_two_aliases_of_an_account_share_its_wallet_and_totals():
    acme = an_account()
    config = a_config(acme, aliases={"shop": (AliasSpan(acme, DISTANT_PAST, DISTANT_FUTURE),)})
    result = settled(an_event("a", subject="acme"), an_event("b", subject="shop"), config=config)
    assert result.debits == {101: 2 * SMS_PRICE_MICROS}
    assert result.totals[SMS_TOTAL].event_count == 2


def test_an_event_of_no_quantity_is_counted_and_costs_nothing():
    result = settled(an_event(quantity=0))
    assert (len(result.rated), result.debits, result.totals[SMS_TOTAL].event_count) == (1, {101: 0}, 1)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (an_event(subject="nobody"), WaitReason.UNKNOWN_ALIAS),
        (an_event(at=HAPPENED_AT - timedelta(days=401)), WaitReason.TOO_LATE),
        (an_event(channel="pigeon"), WaitReason.NO_PRICE),
        (an_event(meter="voice.minutes", subject="bolt"), WaitReason.NO_PRICE),
        (an_event(subject="curb"), WaitReason.NO_SUBSCRIPTION),
    ],
    ids=lambda value: value if isinstance(value, WaitReason) else "",
)
def test_what_a_person_can_make_ratable_waits_with_its_reason(event, reason):
    otps_only = Subscription(a_plan_version(a_charge()), DISTANT_PAST, DISTANT_FUTURE)
    config = a_config(
        an_account(),
        an_account("bolt", account_id=2, subscriptions=(otps_only,)),
        an_account("curb", account_id=3, subscriptions=()),
    )
    result = settled(event, config=config)
    assert [wait.reason for wait in result.waiting] == [reason]
    assert (result.rated, result.debits, result.totals) == ([], {}, {})


def test_an_event_too_late_is_rated_when_exactly_it_was_accepted():
    late = an_event(at=HAPPENED_AT - timedelta(days=401))
    accepted = replace(a_config(), accepted_late=frozenset({(late.key, late.body_digest, late.time_micros)}))
    assert len(settled(late, config=accepted).rated) == 1
    for other in (
        an_event("event-2", at=HAPPENED_AT - timedelta(days=401)),
        an_event(at=HAPPENED_AT - timedelta(days=402)),
        an_event(at=HAPPENED_AT - timedelta(days=401), quantity=2),
    ):
        assert [wait.reason for wait in settled(other, config=accepted).waiting] == [WaitReason.TOO_LATE]


def test_an_event_a_person_rejected_is_a_retry_of_the_one_that_waits_whatever_its_time():
    event = an_event()
    rejected = replace(a_config(), rejected=frozenset({event.key}))
    assert [wait.reason for wait in prepared(event, config=rejected).firsts.values()] == [WaitReason.REJECTED]
    result = settled(event, an_event("event-2"), config=rejected, known={event.key: event.body_digest})
    assert (len(result.duplicates), len(result.rated)) == (1, 1)


def test_a_retry_of_a_waiting_event_is_a_duplicate_and_another_body_a_conflict():
    waits = an_event(subject="nobody")
    result = settled(waits, an_event(subject="nobody"), an_event(subject="nobody", quantity=2))
    assert (len(result.waiting), len(result.duplicates), len(result.conflicts)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("event", "reason", "sentence"),
    [
        (
            an_event(meter="otp.deliverd"),
            RefusalReason.UNKNOWN_TYPE,
            "type 'otp.deliverd' is not a meter of any plan: check its spelling",
        ),
        (
            an_event(at=HAPPENED_AT + timedelta(days=1)),
            RefusalReason.TIME_OUT_OF_RANGE,
            "time is more than 1 h after the record arrived",
        ),
        (
            an_event(at=HAPPENED_AT - timedelta(days=40_000)),
            RefusalReason.TIME_OUT_OF_RANGE,
            "time is more than ten years ago",
        ),
    ],
    ids=lambda value: value if isinstance(value, RefusalReason) else "",
)
def test_what_cannot_be_meant_is_dead_lettered_with_its_bytes_and_a_sentence(event, reason, sentence):
    (letter,) = settled(event).dead_letters
    assert (letter.reason, letter.index, letter.payload, letter.origin.topic) == (reason, 0, event.id.encode(), TOPIC)
    assert letter.detail.startswith(sentence)


def test_a_refused_event_does_not_use_up_its_id():
    result = settled(an_event(meter="otp.deliverd"), an_event())
    assert (len(result.dead_letters), len(result.rated)) == (1, 1)


def test_a_meter_nobody_sells_is_named_shortly_however_long_it_is():
    (letter,) = settled(an_event(meter="m" * 128)).dead_letters
    assert len(letter.detail) < 200


def test_only_ratable_first_events_take_part_in_the_look_at_the_database():
    batch = prepared(an_event("a"), an_event("a"), an_event("b", subject="nobody"), an_event("c", meter="x"))
    assert [usage.received.event.id for usage in batch.usages()] == ["a"]
    assert len(batch.firsts) == 2
    assert all(isinstance(usage, Usage) for usage in batch.usages())


def test_outcomes_are_counted_by_topic_and_partition():
    items = [
        a_received_event(an_event("a"), origin=an_origin(0, partition=0)),
        a_received_event(an_event("a"), origin=an_origin(1, partition=0)),
        a_received_event(an_event("b", subject="nobody"), origin=an_origin(0, partition=1)),
        a_received_event(an_event("a", quantity=9), origin=an_origin(0, partition=1, topic="other")),
        a_received_event(an_event("c", meter="x"), origin=an_origin(1, partition=1)),
    ]
    counts = settle(prepare(items, a_config(), WINDOW), {}, {}).counts()
    assert counts == {
        (TOPIC, 0): Counter({Outcome.RATED: 1, Outcome.DUPLICATE: 1}),
        (TOPIC, 1): Counter({Outcome.QUARANTINED: 1, Outcome.DEAD_LETTERED: 1}),
        ("other", 1): Counter({Outcome.CONFLICT: 1}),
    }
