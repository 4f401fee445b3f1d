"""Automatic top-ups: thresholds, limits, pauses and the rules of Indian mandates, also over long histories."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.money import Currency
from domain.top_up_rules import (
    COOL_DOWN_MAX,
    INDIA,
    NO_SECOND_FACTOR_MAX_MINOR,
    NOTICE,
    Ask,
    Attempt,
    AttemptState,
    Method,
    NotNow,
    Reason,
    TopUpRule,
    answer_by,
    decide,
)

NOW = datetime(2026, 11, 10, 9, tzinfo=UTC)
RULE = TopUpRule(
    threshold_micros=100_000_000,
    amount_minor=1_000_00,
    monthly_limit_minor=3_000_00,
    methods=(Method.UPI_MANDATE, Method.CARD_MANDATE, Method.PAYMENT_LINK),
)


def an_attempt(*, before=timedelta(hours=2), state=AttemptState.CAPTURED, **changes):
    at = NOW - before
    return replace(Attempt(at, at, 1_000_00, Method.PAYMENT_LINK, state), **changes)


def ask(rule=RULE, attempts=(), **changes):
    chosen = {"balance_micros": 0, "charge_minor": 1_180_00, "currency": Currency.INR, "now": NOW} | changes
    return decide(rule, attempts, **chosen)


def test_nothing_is_asked_for_above_the_threshold_and_something_at_it():
    assert ask(balance_micros=100_000_001) == NotNow(Reason.ENOUGH)
    assert isinstance(ask(balance_micros=100_000_000), Ask)


def test_a_mandate_in_india_is_debited_a_day_after_its_notice_at_the_earliest():
    answer = ask()
    assert (answer.method, answer.charge_minor, answer.debit_at) == (Method.UPI_MANDATE, 1_180_00, NOW + NOTICE)
    assert timedelta(hours=24) < NOTICE


def test_a_mandate_elsewhere_is_debited_at_once():
    assert ask(currency=Currency.USD).debit_at == NOW


def test_above_fifteen_thousand_rupees_tax_included_the_customer_confirms():
    assert ask(charge_minor=NO_SECOND_FACTOR_MAX_MINOR).method is Method.UPI_MANDATE
    assert ask(charge_minor=NO_SECOND_FACTOR_MAX_MINOR + 1).method is Method.PAYMENT_LINK


def test_a_mandate_is_debited_once_a_cycle_then_the_next_method_is_asked():
    used = an_attempt(method=Method.UPI_MANDATE, debit_at=NOW - timedelta(hours=1))
    assert ask(attempts=[used]).method is Method.CARD_MANDATE


def test_a_debit_announced_in_the_last_hours_of_a_month_belongs_to_the_next_cycle():
    last_evening = datetime(2026, 11, 30, 21, tzinfo=INDIA)
    used = an_attempt(method=Method.UPI_MANDATE, debit_at=NOW, requested_at=NOW)
    assert ask(attempts=[used], now=last_evening).method is Method.UPI_MANDATE


def test_one_attempt_is_in_flight_at_a_time_however_old_it_is():
    waiting = an_attempt(before=timedelta(days=20), state=AttemptState.IN_FLIGHT)
    assert ask(attempts=[waiting]) == NotNow(Reason.IN_FLIGHT)


@pytest.mark.parametrize(("declines", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (9, 24)])
def test_declines_in_a_row_make_the_pause_longer(declines, hours):
    failed = [an_attempt(before=timedelta(minutes=minute), state=AttemptState.FAILED) for minute in range(declines)]
    assert ask(attempts=failed) == NotNow(Reason.COOL_DOWN, NOW + timedelta(hours=hours))


def test_the_limit_of_a_month_counts_in_india():
    three = [an_attempt(before=timedelta(days=number)) for number in (1, 2, 3)]
    assert ask(attempts=three) == NotNow(Reason.MONTHLY_LIMIT, datetime(2026, 12, 1, tzinfo=INDIA))
    assert isinstance(ask(attempts=three, now=datetime(2026, 12, 1, tzinfo=INDIA)), Ask)


def test_failed_attempts_do_not_count_towards_the_limit():
    failed = [an_attempt(before=timedelta(days=number), state=AttemptState.FAILED) for number in (2, 3, 4, 5)]
    assert isinstance(ask(attempts=failed), Ask)


def test_after_a_decline_the_next_method_is_tried_and_after_the_last_the_first_again():
    tried, attempts = [], []
    for _ in range(4):
        answer = ask(attempts=attempts, currency=Currency.USD)
        tried.append(answer.method)
        failed = [replace(one, requested_at=one.requested_at - timedelta(days=2)) for one in attempts]
        attempts = [*failed, an_attempt(before=timedelta(days=1), method=answer.method, state=AttemptState.FAILED)]
    assert tried == [*RULE.methods, Method.UPI_MANDATE]


def test_after_a_capture_the_first_method_is_the_first_choice_again():
    captured = an_attempt(method=Method.CARD_MANDATE)
    assert ask(attempts=[captured], currency=Currency.USD).method is Method.UPI_MANDATE


def test_a_request_must_be_answered_within_days_of_its_debit():
    assert answer_by(NOW) == NOW + timedelta(days=3)


def test_without_a_method_that_may_be_used_the_next_month_is_waited_for():
    rule = replace(RULE, methods=(Method.CARD_MANDATE,))
    assert ask(rule, charge_minor=20_000_00) == NotNow(Reason.NO_METHOD, datetime(2026, 12, 1, tzinfo=INDIA))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"monthly_limit_minor": 999_99},
        {"methods": ()},
        {"methods": (Method.PAYMENT_LINK, Method.PAYMENT_LINK)},
        {"cool_down": timedelta(0)},
        {"cool_down": COOL_DOWN_MAX + timedelta(seconds=1)},
    ],
)
def test_a_rule_that_could_never_act_or_never_stop_is_refused(changes):
    with pytest.raises(InvalidInput):
        replace(RULE, **changes)


_rules = st.builds(
    TopUpRule,
    threshold_micros=st.just(0),
    amount_minor=st.integers(1, 20_000_00),
    monthly_limit_minor=st.integers(20_000_00, 60_000_00),
    methods=st.permutations(list(Method)).flatmap(lambda all_: st.integers(1, 3).map(lambda n: tuple(all_[:n]))),
    cool_down=st.integers(1, 24).map(lambda hours: timedelta(hours=hours)),
)
_moments = st.lists(
    st.tuples(st.integers(0, 48), st.sampled_from([AttemptState.CAPTURED, AttemptState.FAILED, None])),
    min_size=5,
    max_size=40,
)


@given(_rules, _moments, st.sampled_from(Currency))
def test_over_any_history_every_rule_holds(rule, moments, currency):
    """Hours pass, the balance stays at nothing, and attempts end one way or another or stay in flight."""
    now, attempts = NOW, []
    for hours, end in moments:
        now += timedelta(hours=hours)
        if end is not None:
            attempts = [replace(a, state=end) if a.state is AttemptState.IN_FLIGHT else a for a in attempts]
        answer = ask(rule, attempts, now=now, charge_minor=rule.amount_minor * 118 // 100, currency=currency)
        if isinstance(answer, Ask):
            attempts.append(Attempt(now, answer.debit_at, answer.amount_minor, answer.method, AttemptState.IN_FLIGHT))
            if currency is Currency.INR and answer.method.recurring:
                assert answer.debit_at - now >= timedelta(hours=24)
                assert answer.charge_minor <= NO_SECOND_FACTOR_MAX_MINOR
        assert sum(attempt.state is AttemptState.IN_FLIGHT for attempt in attempts) <= 1
    _hold_over(attempts, rule, currency)


def _hold_over(attempts, rule, currency):
    for earlier, later in pairwise(attempts):
        assert later.requested_at - earlier.requested_at >= rule.cool_down
    months = {}
    cycles = {}
    for attempt in attempts:
        local = attempt.requested_at.astimezone(INDIA)
        if attempt.state is not AttemptState.FAILED:
            months[local.year, local.month] = months.get((local.year, local.month), 0) + attempt.amount_minor
        if attempt.method.recurring and currency is Currency.INR:
            debit = attempt.debit_at.astimezone(INDIA)
            key = (attempt.method, debit.year, debit.month)
            cycles[key] = cycles.get(key, 0) + 1
    assert all(asked <= rule.monthly_limit_minor for asked in months.values())
    assert all(debits == 1 for debits in cycles.values())
