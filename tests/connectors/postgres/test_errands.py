"""What the watcher asks before it opens a transaction: each kind of work is seen, and nothing when nothing waits."""

from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import text

from connectors import metering_wiring, wiring
from connectors.postgres.errands import Errands, PostgresErrands
from domain.errors import EngineUnavailable
from domain.top_up_rule_document import rule_document
from domain.top_up_rules import Method, TopUpRule
from invoicing.administer import Author, top_up
from invoicing.relay_outbox import relay_outbox
from invoicing.watch_wallets import watch_wallets
from invoicing.write_top_up_rule import set_top_up_rule
from tests.books import AUTHOR, an_event, book, open_account, open_shop
from tests.invoicing.test_apply_payments import NOW, an_envelope, apply, receive

pytestmark = pytest.mark.engines


class Everywhere:
    in_charge = True

    def send(self, messages):
        """Every message arrives."""


@pytest.fixture
def acme(database, cache):
    open_shop()
    open_account("acme", mode="prepaid")
    top_up(wiring.administration(), account_code="acme", amount=Decimal("10.00"), reference="first", author=AUTHOR)
    return database


@pytest.fixture
def errands():
    asked = metering_wiring.errands()
    yield asked
    asked.close()


def session_of(errands):
    with errands._connection.in_use() as connection:
        return connection.info.backend_pid


def watch(now=NOW):
    store = metering_wiring.wallet_watch()
    while watch_wallets(store, metering_wiring.balance_cache(), now=now).looks:
        pass
    store.close()


def relay():
    store = metering_wiring.messages()
    while relay_outbox(store, Everywhere()):
        pass
    store.close()


def do_all(now=NOW):
    apply()
    watch(now)
    relay()


def test_of_an_empty_database_nothing_waits(database, errands):
    assert errands.waiting(now=NOW) == Errands()


def test_a_wallet_that_left_its_bounds_waits_then_what_is_to_be_told_of_it_then_nothing(acme, errands):
    assert errands.waiting(now=NOW) == Errands(looks=True)
    watch()
    assert errands.waiting(now=NOW) == Errands(messages=True)
    relay()
    assert errands.waiting(now=NOW) == Errands()


def test_a_payment_that_was_received_waits_until_it_was_tried_also_when_it_cannot_be_applied(acme, errands):
    do_all()
    receive(acme, an_envelope("captured", "pay_1", 1_180), an_envelope("captured", "pay_2", 1_180, account="unknown"))
    assert errands.waiting(now=NOW) == Errands(payments=True)
    do_all()
    assert errands.waiting(now=NOW) == Errands()


def test_the_end_of_a_grace_is_seen_when_it_comes_and_not_before(acme, errands):
    book(acme, [an_event("acme", quantity=51)], warehouse=False)
    do_all()
    ends = NOW + timedelta(days=3)
    with acme.begin() as connection:  # no hourly looks for the runway's sake
        connection.execute(text("INSERT INTO account_threshold VALUES (1, 'absolute', 1)"))
    do_all()
    assert errands.waiting(now=ends - timedelta(microseconds=1)) == Errands()
    assert errands.waiting(now=ends) == Errands(looks=True)
    do_all(ends)
    assert errands.waiting(now=ends) == Errands()


def test_a_rule_whose_pause_is_over_is_seen_when_it_comes_and_not_when_it_was_stopped(acme, errands):
    rule = TopUpRule(20_000_000, 1_000_00, 3_000_00, (Method.PAYMENT_LINK,))
    set_top_up_rule(wiring.administration(), "acme", rule_document(rule), author=Author("asha", NOW))
    do_all()
    with acme.begin() as connection:
        connection.execute(text("UPDATE account_standing SET look_again_at = NULL"))
    assert errands.waiting(now=NOW + timedelta(days=2)) == Errands()
    assert errands.waiting(now=NOW + timedelta(days=9)) == Errands(looks=True)
    with acme.begin() as connection:
        connection.execute(text("UPDATE top_up_rule SET stopped_at = now()"))
    do_all()
    assert errands.waiting(now=NOW + timedelta(days=9)) == Errands()


def test_a_question_takes_no_lock_and_leaves_no_transaction_open(acme, errands, postgres_database):
    with psycopg.connect(postgres_database) as other:
        other.execute("LOCK wallet_look, payment_event, outbox_message, wallet IN ROW EXCLUSIVE MODE")
        errands.waiting(now=NOW)
        pid = session_of(errands)
        assert other.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchall() == [("idle",)]
        assert other.execute("SELECT count(*) FROM pg_locks WHERE pid = %s", (pid,)).fetchall() == [(0,)]


def test_a_connection_that_broke_is_one_sentence_and_the_next_question_has_another(acme, errands, postgres_database):
    errands.waiting(now=NOW)
    with psycopg.connect(postgres_database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (session_of(errands),))
    with pytest.raises(EngineUnavailable, match="PostgreSQL does not answer"):
        errands.waiting(now=NOW)
    assert errands.waiting(now=NOW) == Errands(looks=True)


def test_a_server_that_does_not_answer_is_one_sentence():
    with pytest.raises(EngineUnavailable, match="PostgreSQL does not answer"):
        PostgresErrands("postgresql://nobody@127.0.0.1:9/none").waiting(now=NOW)
