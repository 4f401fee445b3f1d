"""Lots in the database: what the triggers do is what domain/credit_lots.py says, for any history of a wallet."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus

from connectors import batch_wiring
from connectors.postgres import metering_sql
from connectors.postgres.binary import int8_array, register
from domain.credit_lots import Lot, LotKind, burn, burn_order, credit, debt_micros
from tests.books import open_account, open_shop
from tests.law_examples import examples

pytestmark = pytest.mark.engines
START = datetime(2026, 10, 1, tzinfo=UTC)
KINDS = {LotKind.PAID: "top_up", LotKind.GRANTED: "grant", LotKind.PROMOTIONAL: "promotion"}


class Wallet:
    """A wallet in the database, and beside it the same one by the rules."""

    def __init__(self, connection):
        self.connection = connection
        self.lots: dict[int, Lot] = {}
        self.balance = 0
        self.serial = 0
        self.now = START

    def credit(self, micros, kind=LotKind.PAID, *, expires_after=None, priority=50):
        self.serial += 1
        expires = None if expires_after is None else self.now + timedelta(hours=expires_after)
        cause, reference = KINDS[kind], f"credit {self.serial}"
        ((lot_id,),) = self.connection.execute(
            "INSERT INTO credit_lot (wallet_id, kind, priority, expires_at, amount_micros, cost_micros, cause, reference,"
            " remaining_micros, created_at) VALUES (1, %s, %s, %s, %s, 0, %s, %s, 0, %s) RETURNING lot_id",
            (kind.value, priority, expires, micros, cause, reference, self.now),
        ).fetchall()
        self.move(micros, cause, reference)
        debt = debt_micros(self.balance, self.lots.values())
        self.lots[lot_id] = Lot(lot_id, kind, credit(micros, debt_micros=debt).remaining_micros, expires, priority)
        self.balance += micros

    def debit(self, micros):
        """As metering does it."""
        self.serial += 1
        self.connection.execute(metering_sql.DEBIT, (int8_array([1]), int8_array([micros]), str(self.serial), self.now))
        for lot_id, taken in burn(list(self.lots.values()), micros, at=self.now).burns:
            self.use(lot_id, taken)
        self.balance -= micros

    def expire(self):
        for lot in [lot for lot in self.lots.values() if lot.expires_at is not None and lot.expires_at <= self.now]:
            if lot.remaining_micros:
                self.connection.execute("SELECT take_from_lot(%s, %s, %s)", (lot.lot_id, lot.remaining_micros, self.now))
                self.move(-lot.remaining_micros, "expiry", f"lot {lot.lot_id}")
                self.use(lot.lot_id, lot.remaining_micros)
                self.balance -= lot.remaining_micros

    def move(self, micros, cause, reference):
        self.connection.execute("SELECT move_wallet(1, %s, %s, %s, %s)", (micros, cause, reference, self.now))

    def use(self, lot_id, micros):
        lot = self.lots[lot_id]
        self.lots[lot_id] = Lot(lot_id, lot.kind, lot.remaining_micros - micros, lot.expires_at, lot.priority)

    def left(self):
        """What the database says is left of each lot."""
        return dict(self.connection.execute("SELECT lot_id, remaining_micros FROM lot_balance").fetchall())

    def row(self):
        return self.connection.execute("SELECT balance_micros, lot_id, lot_remaining_micros FROM wallet").fetchone()

    def burns(self):
        return self.connection.execute("SELECT version, lot_id, amount_micros FROM lot_usage ORDER BY 1, 2").fetchall()


@pytest.fixture
def connection(database, postgres_database):
    open_shop()
    open_account("acme", mode="prepaid")
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        register(connection)
        yield connection
    assert batch_wiring.books().examine(rows_shown=3).checks
    failing = {check.name: check.first_rows for check in batch_wiring.books().examine(rows_shown=3).checks if check.rows}
    # Debits made here have no batch and no events; everything else holds.
    assert set(failing) <= {"debits_match_events", "usage_matches_ledger", "batches_name_a_recorded_version"}


@pytest.fixture
def wallet(connection):
    return Wallet(connection)


def test_a_debit_that_fits_names_its_lot_and_touches_no_other_row(wallet):
    wallet.credit(100)
    wallet.debit(30)
    wallet.debit(70)
    assert wallet.row() == (0, 1, 0)
    assert wallet.burns() == [(2, 1, 30), (3, 1, 70)]
    assert wallet.connection.execute("SELECT count(*) FROM lot_burn").fetchone() == (0,)


def test_a_debit_that_does_not_fit_goes_through_the_lots_and_leaves_debt(wallet):
    wallet.credit(100)
    wallet.credit(50, LotKind.PROMOTIONAL)
    wallet.debit(170)
    assert wallet.row() == (-20, None, 0)
    assert wallet.burns() == [(3, 1, 100), (3, 2, 50)]


def test_a_credit_repays_debt_and_says_so(wallet):
    wallet.debit(30)
    wallet.credit(100)
    assert wallet.row() == (70, 1, 70)
    assert wallet.burns() == [(2, 1, 30)]


def test_a_better_lot_is_taken_up_at_once_and_the_other_keeps_what_it_has(wallet):
    wallet.credit(100)
    wallet.debit(10)
    wallet.credit(20, LotKind.PROMOTIONAL, expires_after=5)
    assert wallet.row() == (110, 2, 20)
    wallet.debit(30)
    assert wallet.row() == (80, 1, 80)


def test_a_lot_whose_day_has_come_is_passed_over_although_it_is_the_one_in_use(wallet):
    wallet.credit(100)
    wallet.credit(20, LotKind.PROMOTIONAL, expires_after=5)
    wallet.now += timedelta(hours=5)
    wallet.debit(10)
    assert wallet.left() == {1: 90, 2: 20}
    wallet.expire()
    assert wallet.row() == (90, 1, 90)


def test_what_is_given_back_goes_to_the_lot_in_use_and_beyond_it_into_a_new_one(wallet):
    wallet.credit(100)
    wallet.debit(30)
    wallet.move(10, "adjustment", "a1")
    assert wallet.left() == {1: 80}
    wallet.move(50, "adjustment", "a2")
    assert wallet.left() == {1: 100, 2: 30}
    wallet.balance += 60
    assert wallet.row()[0] == 130


def test_an_entry_nobody_made_a_lot_for_is_one_of_its_own(wallet):
    wallet.move(70, "top_up", "pay_1")
    assert wallet.connection.execute(
        "SELECT kind::text, amount_micros, cost_micros, remaining_micros FROM lot_balance"
    ).fetchall() == [("paid", 70, 70, 70)]


def test_a_lot_is_never_edited_and_neither_are_burns_and_counter_entries(wallet):
    wallet.credit(100)
    wallet.debit(130)
    for statement in (
        "UPDATE credit_lot SET amount_micros = 1",
        "UPDATE credit_lot SET expires_at = now()",
        "DELETE FROM credit_lot",
        "TRUNCATE credit_lot CASCADE",
        "UPDATE lot_burn SET amount_micros = 1",
        "DELETE FROM lot_burn",
        "TRUNCATE lot_burn",
        "UPDATE counter_entry SET amount_micros = 1",
        "DELETE FROM counter_entry",
        "TRUNCATE counter_entry",
        "UPDATE wallet_entry SET amount_micros = 1",
        "DELETE FROM wallet_entry",
        "TRUNCATE wallet_entry",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            wallet.connection.execute(statement)


def test_every_cause_the_rules_name_has_the_same_counter_account_in_the_database(connection):
    from domain.ledger import COUNTER_ACCOUNTS

    for cause, account in COUNTER_ACCOUNTS.items():
        assert connection.execute("SELECT ledger_account_of(%s)", (cause.value,)).fetchone() == (account.value,)
    with pytest.raises(psycopg.errors.CheckViolation, match="wallet_entry_cause_known"):
        connection.execute("SELECT move_wallet(1, 5, 'gift', 'g', now())")


_steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("credit"),
            st.integers(1, 60),
            st.sampled_from(LotKind),
            st.none() | st.integers(1, 6),
            st.sampled_from([10, 50, 50]),
        ),
        st.tuples(st.just("debit"), st.integers(0, 40)),
        st.tuples(st.just("debit"), st.integers(0, 150)),
        st.tuples(st.just("later"), st.integers(1, 4)),
        st.tuples(st.just("expire")),
    ),
    max_size=14,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(120))
@given(_steps)
def test_for_any_history_the_database_uses_lots_as_the_rules_do(connection, steps):
    with connection.transaction(force_rollback=True):
        wallet = Wallet(connection)
        for what, *how in steps:
            if what == "credit":
                micros, kind, expires_after, priority = how
                wallet.credit(micros, kind, expires_after=expires_after, priority=priority)
            elif what == "debit":
                wallet.debit(how[0])
            elif what == "later":
                wallet.now += timedelta(hours=how[0])
            else:
                wallet.expire()
        balance, lot_id, lot_remaining = wallet.row()
        assert balance == wallet.balance
        assert wallet.left() == {lot.lot_id: lot.remaining_micros for lot in wallet.lots.values()}
        usable = burn_order(lot for lot in wallet.lots.values() if lot.usable(wallet.now))
        if lot_id is None:
            assert usable == []
        elif lot_remaining and wallet.lots[lot_id].usable(wallet.now):
            assert usable[0].lot_id == lot_id
        over = connection.execute(
            "SELECT cause, reference FROM ledger_posting GROUP BY 1, 2, currency HAVING sum(amount_micros) <> 0"
        ).fetchall()
        assert over == []
    assert connection.info.transaction_status is TransactionStatus.IDLE
