"""Holds: what is promised before sending, and that promises and balance together never go wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.holds import AMOUNT_MICROS_MAX, Answer, Holdings, check_hold, check_messages


def a_wallet(balance=1_000, **changes):
    return Holdings(balance_micros=balance, version=1, **changes)


def held(wallet, *holds):
    """A wallet with holds of amounts, each named by its place."""
    for place, amount in enumerate(holds):
        answer, wallet = wallet.hold(f"h{place}", amount, ends_ms=1_000)
        assert answer is Answer.YES
    return wallet


def test_what_is_held_cannot_be_promised_again():
    wallet = held(a_wallet(1_000), 600)
    assert wallet.may_send(400) is Answer.YES
    assert wallet.may_send(401) is Answer.NO_CREDIT


def test_a_hold_that_is_released_or_over_can_be_promised_again():
    wallet = held(a_wallet(1_000), 600)
    assert wallet.release("h0").may_send(1_000) is Answer.YES
    assert wallet.at(999).may_send(1_000) is Answer.NO_CREDIT
    assert wallet.at(1_000).may_send(1_000) is Answer.YES


def test_releasing_what_is_not_there_changes_nothing():
    wallet = held(a_wallet(), 600)
    assert wallet.release("another") == wallet
    assert wallet.release("h0").release("h0") == wallet.release("h0")


def test_the_same_hold_asked_for_twice_is_held_once_and_with_another_amount_refused():
    wallet = held(a_wallet(), 600)
    assert wallet.hold("h0", 600, ends_ms=9_000) == (Answer.YES, wallet)
    assert wallet.hold("h0", 601, ends_ms=9_000) == (Answer.OTHER_AMOUNT, wallet)


def test_nothing_is_promised_to_a_suspended_or_closed_account_whatever_its_balance():
    for status in ("suspended", "closed"):
        assert a_wallet().tell_standing(status, None, 1).may_send(0) is Answer(status)


def test_grace_and_credit_limit_lie_below_zero_and_without_a_floor_there_is_no_end():
    wallet = a_wallet(0)
    assert wallet.tell_standing("grace", -500, 1).may_send(500) is Answer.YES
    assert wallet.tell_standing("grace", -500, 1).may_send(501) is Answer.NO_CREDIT
    assert wallet.tell_standing("active", None, 1).may_send(10**15) is Answer.YES


def test_an_older_version_never_overwrites_a_newer_one():
    wallet = a_wallet().tell_balance(500, 3).tell_balance(900, 2)
    wallet = wallet.tell_standing("suspended", 0, 2).tell_standing("active", 0, 1)
    assert (wallet.balance_micros, wallet.version, wallet.status) == (500, 3, "suspended")


@pytest.mark.parametrize(
    "changes",
    [
        {"hold_id": ""},
        {"hold_id": "x" * 129},
        {"amount_micros": -1},
        {"amount_micros": AMOUNT_MICROS_MAX + 1},
        {"amount_micros": 10**20},
        {"lifetime_seconds": 0},
        {"lifetime_seconds": 86_401},
    ],
)
def test_a_hold_that_cannot_be_meant_is_refused(changes):
    with pytest.raises(InvalidInput):
        check_hold(**{"hold_id": "h", "amount_micros": 1, "lifetime_seconds": 60, **changes})


@pytest.mark.parametrize("messages", [0, -1, 1_000_001])
def test_a_number_of_messages_that_cannot_be_meant_is_refused(messages):
    with pytest.raises(InvalidInput):
        check_messages(messages)


_steps = st.lists(
    st.tuples(st.sampled_from(["hold", "release", "later", "debit"]), st.integers(0, 5), st.integers(0, 400)), max_size=40
)


@given(st.integers(0, 1_000), _steps)
def test_settled_debits_within_their_holds_never_take_a_balance_below_its_floor(balance, steps):
    """Everything sent was held before, and each event costs its hold at most: then the balance never falls below 0."""
    wallet, version = Holdings(balance, 1), 1
    for what, number, amount in steps:
        name = f"h{number}"
        if what == "hold":
            _, wallet = wallet.hold(name, amount, ends_ms=10**9)
        elif what == "release":
            wallet = wallet.release(name)
        elif what == "debit" and name in wallet.holds:
            version += 1
            cost = min(amount, wallet.holds[name].amount_micros)
            wallet = wallet.tell_balance(wallet.balance_micros - cost, version).release(name)
        assert wallet.reserved_micros <= wallet.balance_micros
