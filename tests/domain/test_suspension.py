"""Suspension: the table, what is found about credit, grace by time and amount, and a person's word."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.suspension import (
    TABLE,
    Credit,
    CreditFacts,
    Standing,
    State,
    Terms,
    effective,
    find,
    look_again_at,
    override,
    printed_table,
    step,
)

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
GRACE = timedelta(days=3)
PREPAID = Terms(prepaid=True, low_level_micros=200, grace=GRACE, grace_micros=1_000)
POSTPAID = Terms(prepaid=False, low_level_micros=200, grace=GRACE, grace_micros=1_000, credit_limit_micros=5_000)
NO_LIMIT = Terms(prepaid=False, grace=GRACE, grace_micros=1_000)
GRACE_RUNS = Standing(State.GRACE, NOW)


def test_the_table_answers_every_state_and_finding():
    assert set(TABLE) == set(product(State, Credit))


def test_every_state_is_reached_from_active_and_closed_is_final():
    reached, waiting = {State.ACTIVE}, [State.ACTIVE]
    while waiting:
        state = waiting.pop()
        for credit in Credit:
            if TABLE[state, credit] not in reached:
                reached.add(TABLE[state, credit])
                waiting.append(TABLE[state, credit])
    assert reached == set(State)
    assert {TABLE[State.CLOSED, credit] for credit in Credit} == {State.CLOSED}


def test_the_table_prints_a_row_a_state():
    assert printed_table().splitlines() == [
        "            plenty      little      none        grace over  closed",
        "active      active      low         grace       suspended   closed",
        "low         active      low         grace       suspended   closed",
        "grace       active      low         grace       suspended   closed",
        "suspended   active      low         suspended   suspended   closed",
        "closed      closed      closed      closed      closed      closed",
    ]


@pytest.mark.parametrize(
    ("terms", "facts", "found"),
    [
        (PREPAID, CreditFacts(201), Credit.PLENTY),
        (PREPAID, CreditFacts(200), Credit.LITTLE),
        (PREPAID, CreditFacts(1), Credit.LITTLE),
        (PREPAID, CreditFacts(0), Credit.NONE),
        (PREPAID, CreditFacts(-1_000), Credit.NONE),
        (PREPAID, CreditFacts(-1_001), Credit.GRACE_OVER),
        (POSTPAID, CreditFacts(-4_799), Credit.PLENTY),
        (POSTPAID, CreditFacts(-4_800), Credit.LITTLE),
        (POSTPAID, CreditFacts(-5_000), Credit.NONE),
        (POSTPAID, CreditFacts(-6_001), Credit.GRACE_OVER),
        (POSTPAID, CreditFacts(0, overdue_since=NOW), Credit.NONE),
        (POSTPAID, CreditFacts(0, overdue_since=NOW - GRACE), Credit.GRACE_OVER),
        (POSTPAID, CreditFacts(0, overdue_since=NOW + timedelta(seconds=1)), Credit.PLENTY),
        (NO_LIMIT, CreditFacts(-(10**18)), Credit.PLENTY),
        (PREPAID, CreditFacts(10**18, closed=True), Credit.CLOSED),
    ],
)
def test_what_is_found_about_credit(terms, facts, found):
    assert find(terms, facts, Standing(), now=NOW) == found


def test_service_stops_when_the_grace_is_over_and_not_before():
    started = step(PREPAID, CreditFacts(0), Standing(State.LOW), now=NOW)
    assert started == Standing(State.GRACE, NOW)
    almost = step(PREPAID, CreditFacts(-10), started, now=NOW + GRACE - timedelta(microseconds=1))
    assert almost == started
    assert step(PREPAID, CreditFacts(-10), almost, now=NOW + GRACE).state is State.SUSPENDED


def test_a_grace_that_is_used_up_ends_at_once():
    assert step(PREPAID, CreditFacts(-1_001), GRACE_RUNS, now=NOW).state is State.SUSPENDED


def test_a_payment_that_leaves_the_credit_used_up_brings_nothing_back_and_one_that_fills_it_does_at_once():
    suspended = Standing(State.SUSPENDED, NOW)
    assert step(PREPAID, CreditFacts(-1), suspended, now=NOW).state is State.SUSPENDED
    assert step(PREPAID, CreditFacts(100), suspended, now=NOW) == Standing(State.LOW)
    assert step(PREPAID, CreditFacts(500), suspended, now=NOW) == Standing(State.ACTIVE)


def test_a_clock_that_steps_back_neither_suspends_nor_starts_the_grace_anew():
    before = step(PREPAID, CreditFacts(-1), GRACE_RUNS, now=NOW - timedelta(days=10))
    assert before == GRACE_RUNS


def test_time_alone_changes_something_at_the_end_of_the_grace_or_of_a_persons_word():
    word = override(State.ACTIVE, reason="agreed by phone", by="asha", until=NOW + timedelta(days=1), now=NOW)
    assert look_again_at(PREPAID, GRACE_RUNS, None, now=NOW) == NOW + GRACE
    assert look_again_at(PREPAID, GRACE_RUNS, word, now=NOW) == word.until
    assert look_again_at(PREPAID, Standing(), None, now=NOW) is None


def test_a_persons_word_counts_until_its_end_and_opens_nothing_that_is_closed():
    word = override(State.ACTIVE, reason="agreed by phone", by="asha", until=NOW + timedelta(days=1), now=NOW)
    suspended = Standing(State.SUSPENDED, NOW)
    assert effective(suspended, word, now=NOW) is State.ACTIVE
    assert effective(suspended, word, now=word.until) is State.SUSPENDED
    assert effective(Standing(State.CLOSED), word, now=NOW) is State.CLOSED


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.CLOSED},
        {"state": State.GRACE},
        {"reason": " "},
        {"by": ""},
        {"until": NOW},
        {"until": NOW + timedelta(days=93)},
    ],
)
def test_a_persons_word_needs_a_reason_and_a_near_end(changes):
    chosen = {"state": State.ACTIVE, "reason": "agreed", "by": "asha", "until": NOW + timedelta(days=1)} | changes
    with pytest.raises(InvalidInput):
        override(chosen.pop("state"), **chosen, now=NOW)


@pytest.mark.parametrize(
    ("terms", "grace", "floor"),
    [(PREPAID, False, 0), (PREPAID, True, -1_000), (POSTPAID, False, -5_000), (POSTPAID, True, -6_000),
     (NO_LIMIT, False, None), (Terms(prepaid=True, grace_micros=None), True, None)],
)  # fmt: skip
def test_the_floor_is_where_nothing_more_is_promised(terms, grace, floor):
    assert terms.floor_micros(grace=grace) == floor


_terms = st.builds(
    Terms,
    prepaid=st.booleans(),
    low_level_micros=st.integers(0, 500),
    grace=st.integers(0, 10).map(lambda hours: timedelta(hours=hours)),
    grace_micros=st.none() | st.integers(0, 500),
    credit_limit_micros=st.none() | st.integers(0, 1_000),
)
_looks = st.lists(st.tuples(st.integers(-2_000, 2_000), st.integers(-30, 30), st.none() | st.integers(-30, 30)), max_size=20)
_RANK = list(State)


def _history(terms, looks):
    """Standings after each of a row of looks, with what was looked at."""
    standing = Standing()
    for balance, hours, overdue in looks:
        now = NOW + timedelta(hours=hours)
        facts = CreditFacts(balance, None if overdue is None else NOW + timedelta(hours=overdue))
        before, standing = standing, step(terms, facts, standing, now=now)
        yield before, facts, now, standing


@given(_terms, _looks)
def test_the_same_look_twice_changes_nothing(terms, looks):
    for _, facts, now, standing in _history(terms, looks):
        assert step(terms, facts, standing, now=now) == standing


@given(_terms, _looks)
def test_nobody_is_suspended_within_the_grace_and_its_amount(terms, looks):
    for before, facts, now, standing in _history(terms, looks):
        if standing.state is State.SUSPENDED and before.state is not State.SUSPENDED:
            credit = terms.credit_micros(facts.balance_micros)
            beyond = terms.grace_micros is not None and credit is not None and -credit > terms.grace_micros
            assert beyond or now >= standing.grace_since + terms.grace


@given(_terms, _looks, st.integers(0, 2_000))
def test_more_money_never_makes_a_standing_worse(terms, looks, more):
    for before, facts, now, standing in _history(terms, looks):
        richer = CreditFacts(facts.balance_micros + more, facts.overdue_since)
        assert _RANK.index(step(terms, richer, before, now=now).state) <= _RANK.index(standing.state)


@given(_terms, _looks)
def test_a_grace_has_a_start_exactly_while_credit_is_used_up(terms, looks):
    for _, facts, now, standing in _history(terms, looks):
        credit = terms.credit_micros(facts.balance_micros)
        overdue = facts.overdue_since is not None and facts.overdue_since <= now
        assert (standing.grace_since is not None) == (overdue or (credit is not None and credit <= 0))
