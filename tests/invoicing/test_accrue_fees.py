"""Fees in the books: the difference is booked, once, in either direction, and invoices take it."""

from datetime import UTC, datetime

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from connectors import batch_wiring, wiring
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.administer import Author
from invoicing.arrange_accounts import set_parent, set_pay_from
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Batch
from tests.books import MID_OCTOBER, NOVEMBER_2, an_event, book, open_account, open_shop
from tests.fee_charges import add_charge

pytestmark = pytest.mark.engines

OCTOBER = BillingMonth(2026, 10)


@pytest.fixture
def shop(database: Engine, warehouse, cache: Redis) -> Engine:
    open_shop()
    return database


def accrue(now: datetime):
    return accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=now)


def begin_subscription(database: Engine, account: str, start: datetime, end: datetime | None = None) -> None:
    with database.begin() as connection:
        connection.execute(
            text(
                "UPDATE subscription s SET validity = tstzrange(:start, :end), began_at = :start"
                " FROM account a WHERE a.account_id = s.account_id AND a.code = :account"
            ),
            {"account": account, "start": start, "end": end},
        )


def balance(database: Engine, account: str) -> int:
    with database.connect() as connection:
        statement = "SELECT balance_micros FROM wallet JOIN account USING (account_id) WHERE code = :code"
        return connection.execute(text(statement), {"code": account}).scalar_one()


def books_balance() -> None:
    examined = batch_wiring.books().examine(rows_shown=3)
    assert [check for check in examined.checks if check.rows] == []


def test_a_fee_is_taken_from_the_wallet_once_however_often_it_is_accrued(shop):
    add_charge(shop, "otp-inr", "recurring", "platform", amount="999.00")
    open_account("acme", mode="prepaid")
    begin_subscription(shop, "acme", datetime(2026, 9, 30, 18, 30, tzinfo=UTC))
    assert [accrue(MID_OCTOBER).changed for _ in range(3)] == [["acme"], [], []]
    assert balance(shop, "acme") == -999_000_000
    books_balance()


def test_the_cache_is_told(shop, cache):
    add_charge(shop, "otp-inr", "one_time", "setup", amount="5000.00")
    open_account("acme", mode="prepaid")
    begin_subscription(shop, "acme", datetime(2026, 10, 3, tzinfo=UTC))
    accrue(MID_OCTOBER)
    assert cache.hget("balance:1", "balance_micros") == "-5000000000"


def test_a_subscription_that_ended_earlier_gets_back_what_it_paid_in_advance(shop):
    add_charge(shop, "otp-inr", "recurring", "platform", amount="310.00")
    open_account("acme")
    begin_subscription(shop, "acme", datetime(2026, 9, 30, 18, 30, tzinfo=UTC))
    accrue(MID_OCTOBER)
    begin_subscription(shop, "acme", datetime(2026, 9, 30, 18, 30, tzinfo=UTC), datetime(2026, 10, 20, 18, 30, tzinfo=UTC))
    accrue(NOVEMBER_2)
    assert balance(shop, "acme") == -200_000_000
    books_balance()


def test_a_commitment_makes_up_for_little_usage_and_gives_back_when_more_arrives_late(shop):
    add_charge(shop, "otp-inr", "commitment", "minimum", minimum="100.00")
    open_account("acme")
    begin_subscription(shop, "acme", datetime(2026, 9, 30, 18, 30, tzinfo=UTC))
    book(shop, [an_event("acme", quantity=100)])
    accrue(NOVEMBER_2)
    assert balance(shop, "acme") == -100_000_000
    book(shop, [an_event("acme", quantity=400)])
    accrue(NOVEMBER_2)
    assert balance(shop, "acme") == -100_000_000
    book(shop, [an_event("acme", quantity=400)])
    accrue(NOVEMBER_2)
    assert balance(shop, "acme") == -180_000_000
    books_balance()


def test_an_invoice_has_a_line_for_each_fee_after_those_of_usage(shop):
    add_charge(shop, "otp-inr", "recurring", "platform", amount="310.00")
    add_charge(shop, "otp-inr", "one_time", "setup", amount="5000.00")
    open_account("acme")
    begin_subscription(shop, "acme", datetime(2026, 9, 30, 18, 30, tzinfo=UTC))
    book(shop, [an_event("acme", quantity=100)])
    accrue(NOVEMBER_2)
    draft_invoices(OCTOBER, Batch(0, 1), drafts=batch_wiring.invoice_book().drafts, now=NOVEMBER_2)
    with shop.connect() as connection:
        document = connection.execute(text("SELECT document FROM invoice")).scalar_one()
    facts = ("description", "service_days", "unit", "unit_price_text", "amount_minor")
    assert [tuple(line.get(name) for name in facts) for line in document["lines"]] == [
        ("OTP delivered (sms)", None, "message", "₹0.2000", 2_000),
        ("Platform", ["2026-10-01", "2026-10-31"], "month", "₹310.00", 31_000),
        ("Platform", ["2026-11-01", "2026-11-30"], "month", "₹310.00", 31_000),
        ("Setup", None, "fee", "₹5,000.00", 500_000),
    ]
    assert not any(line["late"] for line in document["lines"])
    books_balance()


def test_a_fee_is_paid_by_the_account_that_pays(shop):
    add_charge(shop, "otp-inr", "recurring", "platform", amount="999.00")
    open_account("group", mode="prepaid")
    open_account("acme", mode="prepaid")
    author = Author("tests", MID_OCTOBER)
    set_parent(wiring.administration(), "acme", parent="group", author=author)
    set_pay_from(wiring.administration(), "acme", pay_from="group", author=author)
    for account in ("acme", "group"):
        begin_subscription(shop, account, datetime(2026, 9, 30, 18, 30, tzinfo=UTC))
    accrue(MID_OCTOBER)
    assert (balance(shop, "acme"), balance(shop, "group")) == (0, -1_998_000_000)
    books_balance()


def test_accounts_without_fees_are_not_looked_at(shop):
    open_account("acme")
    assert accrue(MID_OCTOBER).accounts == 0


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE usage_total SET amount_micros = amount_micros + 1",
        "UPDATE usage_total SET quantity_millionths = quantity_millionths + 1",
        "UPDATE fee_accrual SET amount_micros = amount_micros + 1",
        "DELETE FROM fee_booking",
    ],
)
def test_the_books_find_a_fee_that_no_accrual_explains(shop, forgery):
    add_charge(shop, "otp-inr", "one_time", "setup", amount="5000.00")
    open_account("acme")
    accrue(MID_OCTOBER)
    books_balance()
    with shop.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # past the triggers that refuse it
        connection.execute(text(forgery))
    assert "fees_match_accruals" in [check.name for check in batch_wiring.books().examine(rows_shown=3).checks if check.rows]
