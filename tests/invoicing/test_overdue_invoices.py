"""Overdue invoices: a postpaid account that agreed to it is suspended after its grace, and comes back when it pays."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from connectors import batch_wiring, metering_wiring, wallet_wiring
from domain.errors import IllegalTransition, InvalidInput, NotFound
from invoicing.watch_wallets import watch_wallets
from tests.books import NOVEMBER_2, an_event, book, open_account
from tests.cli.conftest import billing  # noqa: F401
from tests.invoicing.month import invoice_month

pytestmark = pytest.mark.engines
NUMBER = "OTP/26-27/000001"
DUE_ENDS = datetime(2026, 11, 18, tzinfo=ZoneInfo("Asia/Kolkata"))
"""The invoice of 2 November is due on the 17th."""
OPEN_MINOR = 23_60
"""100 SMS at 0.20 and 18 %."""


@pytest.fixture
def acme(shop, cache):
    """A postpaid account with an invoice, to be suspended a day after it is overdue."""
    open_account("acme")
    set_terms()
    book(shop, [an_event("acme", quantity=100)])
    assert invoice_month().numbers == [NUMBER]
    watch(NOVEMBER_2)
    yield shop
    assert {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows} == set()


def set_terms(*, suspend=True):
    terms = {"low_level_micros": None, "grace_hours": 24, "grace_micros": None, "credit_limit_micros": None}
    wallet_wiring.standings().set_terms("acme", {**terms, "suspend_overdue": suspend}, by="asha", at=NOVEMBER_2)


def watch(now):
    store = metering_wiring.wallet_watch()
    while watch_wallets(store, metering_wiring.balance_cache(), now=now).looks:
        pass
    store.close()
    return wallet_wiring.standings().standing("acme")["effective"]


def pay(minor, reference="UTR-1", number=NUMBER):
    return wallet_wiring.settlements().record(number, amount_minor=minor, reference=reference, by="asha", at=DUE_ENDS)


def test_the_end_of_the_due_day_in_india_begins_the_grace_and_its_end_suspends(acme):
    a_second, a_day = timedelta(seconds=1), timedelta(days=1)
    assert watch(DUE_ENDS - a_second) == "active"
    assert watch(DUE_ENDS) == "grace"
    assert watch(DUE_ENDS + a_day - a_second) == "grace"
    assert watch(DUE_ENDS + a_day) == "suspended"


def test_a_payment_in_full_brings_the_account_back_and_a_part_does_not(acme):
    watch(DUE_ENDS)
    late = DUE_ENDS + timedelta(days=2)
    assert watch(late) == "suspended"
    assert pay(20_00) == OPEN_MINOR - 20_00
    assert watch(late) == "suspended"
    assert pay(3_60, "UTR-2") == 0
    assert watch(late) == "active"


def test_a_payment_before_the_due_date_leaves_it_active(acme):
    pay(OPEN_MINOR)
    assert watch(DUE_ENDS + timedelta(days=30)) == "active"


def test_nobody_is_suspended_for_an_invoice_who_did_not_agree_to_it(acme):
    set_terms(suspend=False)
    assert watch(DUE_ENDS + timedelta(days=30)) == "active"


def test_a_grace_that_was_missed_is_found_over_at_once(acme):
    watch(DUE_ENDS + timedelta(days=9))
    assert watch(DUE_ENDS + timedelta(days=9)) == "suspended"


def test_the_customer_is_told_of_the_invoice_and_not_of_credit(acme):
    watch(DUE_ENDS)
    with acme.connect() as connection:
        statement = "SELECT data FROM outbox_message WHERE type = 'notification.account_status' ORDER BY message_id DESC"
        told = connection.execute(text(statement)).scalars().first()
    assert (told["status"], datetime.fromisoformat(told["overdue_since"])) == ("grace", DUE_ENDS)


def test_a_payment_is_recorded_once_and_never_for_more_than_is_open(acme):
    assert [pay(10_00), pay(10_00)] == [OPEN_MINOR - 10_00] * 2
    with pytest.raises(InvalidInput, match="recorded with another amount"):
        pay(9_00)
    for minor in (0, -1, OPEN_MINOR, 10**20):
        with pytest.raises(InvalidInput, match="amount: must be above 0 and at most what is open"):
            pay(minor, "UTR-2")
    with pytest.raises(NotFound):
        pay(1, number="OTP/26-27/999999")
    with acme.begin() as connection, pytest.raises(DBAPIError):
        connection.execute(text("DELETE FROM invoice_settlement"))


def test_a_void_invoice_is_not_paid(acme):
    with acme.begin() as connection:
        connection.execute(text("ALTER TABLE invoice DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE invoice SET status = 'void'"))
    with pytest.raises(IllegalTransition, match="is void"):
        pay(1)
    with acme.begin() as connection:
        connection.execute(text("UPDATE invoice SET status = 'issued'"))
        connection.execute(text("ALTER TABLE invoice ENABLE TRIGGER USER"))


def test_more_recorded_than_an_invoice_asks_for_is_found_by_the_check(acme):
    with acme.begin() as connection:
        wrong = "INSERT INTO invoice_settlement VALUES (1, 'x', 1, 9999999, 'eve', now())"
        connection.execute(text(wrong))
    found = {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows}
    assert found == {"settlements_fit_their_invoices"}
    with acme.begin() as connection:
        connection.execute(text("ALTER TABLE invoice_settlement DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM invoice_settlement"))
        connection.execute(text("ALTER TABLE invoice_settlement ENABLE TRIGGER USER"))


def test_payments_are_recorded_and_terms_set_by_command(acme, billing):  # noqa: F811
    ran = billing("invoices", "record-payment", NUMBER, str(Decimal(OPEN_MINOR).scaleb(-2)), "UTR-9", "--json")
    assert (ran.code, json.loads(ran.out)["open_minor"]) == (0, 0)
    assert "two decimals" in billing("invoices", "record-payment", NUMBER, "1.001", "UTR-10").err
    assert json.loads(billing("wallets", "set-terms", "acme", "--suspend-overdue", "--json").out)["suspend_overdue"] is True
