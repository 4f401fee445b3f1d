"""Credit lots: the burn order, what a debit takes from which lot, debt and its repayment, expiry."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.credit_lots import Burn, Lot, LotKind, burn, burn_order, credit, debt_micros, due_to_expire

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


def a_lot(lot_id=1, remaining=100, *, kind=LotKind.PAID, expires_at=None, **changes):
    return Lot(lot_id, kind, remaining, expires_at, **changes)


def test_the_order_is_priority_then_expiry_then_kind_then_age():
    lots = [
        a_lot(1),
        a_lot(2, kind=LotKind.GRANTED),
        a_lot(3, kind=LotKind.PROMOTIONAL),
        a_lot(4, expires_at=TOMORROW + timedelta(days=1)),
        a_lot(5, expires_at=TOMORROW),
        a_lot(6, priority=10),
        a_lot(7),
    ]
    assert [lot.lot_id for lot in burn_order(lots)] == [6, 5, 4, 3, 2, 1, 7]


def test_a_debit_takes_from_one_lot_after_the_other_and_the_rest_is_debt():
    burnt = burn([a_lot(2, 30), a_lot(1, 100)], 150, at=NOW)
    assert burnt.burns == (Burn(1, 100), Burn(2, 30))
    assert (burnt.debt_micros, burnt.current, burnt.further) == (20, None, False)


def test_a_debit_that_fits_leaves_the_rest_for_the_next():
    burnt = burn([a_lot(1, 100), a_lot(2, 30)], 40, at=NOW)
    assert (burnt.burns, burnt.current, burnt.further) == ((Burn(1, 40),), a_lot(1, 60), True)


def test_a_lot_used_up_exactly_gives_way_to_the_next():
    burnt = burn([a_lot(1, 100), a_lot(2, 30)], 100, at=NOW)
    assert (burnt.current, burnt.further) == (a_lot(2, 30), False)


def test_a_lot_whose_day_has_come_is_not_used_although_its_expiry_is_not_booked_yet():
    burnt = burn([a_lot(1, 100, expires_at=NOW), a_lot(2, 30)], 40, at=NOW)
    assert (burnt.burns, burnt.debt_micros) == ((Burn(2, 30),), 10)


def test_a_credit_repays_debt_first():
    assert (credit(100, debt_micros=30).repaid_micros, credit(100, debt_micros=30).remaining_micros) == (30, 70)
    assert (credit(20, debt_micros=30).repaid_micros, credit(20, debt_micros=30).remaining_micros) == (20, 0)


def test_lots_expire_when_their_day_has_come_and_something_is_left():
    lots = [a_lot(1, 5, expires_at=NOW), a_lot(2, 0, expires_at=NOW), a_lot(3, 5, expires_at=TOMORROW), a_lot(4, 5)]
    assert [lot.lot_id for lot in due_to_expire(lots, at=NOW)] == [1]


@pytest.mark.parametrize("call", [lambda: burn([], -1, at=NOW), lambda: credit(-1, debt_micros=0)])
def test_an_amount_below_zero_is_a_fault_of_the_program(call):
    with pytest.raises(ValueError, match=r"."):
        call()


_lots = st.lists(
    st.builds(
        a_lot,
        st.integers(1, 50),
        st.integers(0, 1_000),
        kind=st.sampled_from(LotKind),
        expires_at=st.none() | st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours)),
        priority=st.integers(0, 3),
    ),
    max_size=6,
    unique_by=lambda lot: lot.lot_id,
)


@given(_lots, st.integers(0, 8_000))
def test_burns_and_debt_are_the_debit_and_no_lot_gives_more_than_it_has(lots, amount):
    burnt = burn(lots, amount, at=NOW)
    has = {lot.lot_id: lot.remaining_micros for lot in lots}
    assert sum(part.amount_micros for part in burnt.burns) + burnt.debt_micros == amount
    assert all(0 < part.amount_micros <= has[part.lot_id] for part in burnt.burns)


@given(_lots, st.integers(0, 8_000))
def test_debt_is_made_only_when_nothing_usable_is_left(lots, amount):
    burnt = burn(lots, amount, at=NOW)
    if burnt.debt_micros:
        assert burnt.current is None
        usable = sum(lot.remaining_micros for lot in lots if lot.usable(NOW))
        assert sum(part.amount_micros for part in burnt.burns) == usable


@given(_lots, st.lists(st.integers(0, 2_000), max_size=5))
def test_debits_one_by_one_burn_what_one_of_their_sum_burns(lots, amounts):
    remaining = {lot.lot_id: lot for lot in lots}
    parts: dict[int, int] = {}
    debt = 0
    for amount in amounts:
        burnt = burn(list(remaining.values()), amount, at=NOW)
        debt += burnt.debt_micros
        for lot_id, micros in burnt.burns:
            lot = remaining[lot_id]
            remaining[lot_id] = Lot(lot_id, lot.kind, lot.remaining_micros - micros, lot.expires_at, lot.priority)
            parts[lot_id] = parts.get(lot_id, 0) + micros
    at_once = burn(lots, sum(amounts), at=NOW)
    assert (parts, debt) == (dict(at_once.burns), at_once.debt_micros)


@given(_lots, st.integers(0, 8_000), st.integers(0, 8_000))
def test_balance_is_what_lots_have_left_less_debt_through_debit_and_credit(lots, debit, amount):
    balance = sum(lot.remaining_micros for lot in lots) - debit
    burnt = burn(lots, debit, at=NOW)
    taken = dict(burnt.burns)
    left = [
        Lot(lot.lot_id, lot.kind, lot.remaining_micros - taken.get(lot.lot_id, 0), lot.expires_at, lot.priority)
        for lot in lots
    ]
    assert debt_micros(balance, left) == burnt.debt_micros
    credited = credit(amount, debt_micros=burnt.debt_micros)
    after = [*left, a_lot(99, credited.remaining_micros)]
    assert debt_micros(balance + amount, after) == burnt.debt_micros - credited.repaid_micros >= 0
