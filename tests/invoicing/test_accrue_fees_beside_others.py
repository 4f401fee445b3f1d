"""Accruing beside running workers and beside itself, and dying in the middle of it: every fee is booked once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from connectors import batch_wiring, wiring
from connectors.postgres import fee_books
from domain.period import BillingMonth
from invoicing import change_subscription
from invoicing.accrue_fees import accrue_fees, preview_accrual
from invoicing.administer import Author
from invoicing.change_subscription import PlanReference, Timing
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Batch
from invoicing.publish_plan import publish_plan
from tests.books import MID_OCTOBER, NOVEMBER_2, a_plan, an_event, book, open_account, open_shop
from tests.fee_charges import add_charge

pytestmark = pytest.mark.engines

ACCOUNTS = [f"account-{number}" for number in range(12)]
OCTOBER_1 = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
ASHA = Author("asha", MID_OCTOBER)


@pytest.fixture
def shop(database: Engine, warehouse, cache) -> Engine:
    """Accounts that pay 310.00 on the first of each month since October."""
    open_shop()
    add_charge(database, "otp-inr", "recurring", "platform", amount="310.00")
    for account in ACCOUNTS:
        open_account(account)
    with database.begin() as connection:
        statement = "UPDATE subscription SET validity = tstzrange(:start, NULL), began_at = :start"
        connection.execute(text(statement), {"start": OCTOBER_1})
    return database


def accrue(now: datetime):
    return accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=now)


def entries(database: Engine) -> list[tuple[str, int]]:
    with database.connect() as connection:
        statement = "SELECT cause, amount_micros FROM wallet_entry ORDER BY wallet_id, version"
        return [tuple(row) for row in connection.execute(text(statement))]


def books_balance() -> None:
    assert [check for check in batch_wiring.books().examine(rows_shown=3).checks if check.rows] == []


def test_accruals_beside_each_other_book_each_fee_once(shop, monkeypatch):
    monkeypatch.setattr("invoicing.accrue_fees._BOOKED", 3)
    with ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(accrue, MID_OCTOBER) for _ in range(4)]]
    assert sorted(code for accrued in done for code in accrued.changed) == sorted(ACCOUNTS)
    assert entries(shop) == [("fee", -310_000_000)] * len(ACCOUNTS)
    books_balance()


def test_fees_and_usage_are_booked_on_the_same_wallets_at_the_same_time(shop, monkeypatch):
    monkeypatch.setattr("invoicing.accrue_fees._BOOKED", 2)

    def use():
        for _ in range(5):
            book(shop, [an_event(account) for account in ACCOUNTS], warehouse=False)

    with ThreadPoolExecutor(2) as pool:
        using, accruing = pool.submit(use), pool.submit(accrue, NOVEMBER_2)
        using.result()
        accruing.result()
    assert sum(amount for cause, amount in entries(shop) if cause == "fee") == -620_000_000 * len(ACCOUNTS)
    assert sum(amount for cause, amount in entries(shop) if cause == "usage") == -1_000_000 * len(ACCOUNTS)
    books_balance()


@pytest.mark.parametrize("statement", ["_ACCRUE", "_RECORD", "_ADD", "_DEBIT"])
def test_an_accrual_that_dies_leaves_whole_accounts_and_the_next_goes_on(shop, monkeypatch, statement):
    monkeypatch.setattr("invoicing.accrue_fees._BOOKED", 5)
    present, runs = getattr(fee_books, statement), []
    execute = fee_books.Connection.execute

    def dying(connection, executed, *arguments, **more):
        if executed is present:
            runs.append(executed)
            if len(runs) == 2:
                execute(connection, executed, *arguments, **more)
                raise RuntimeError("killed")
        return execute(connection, executed, *arguments, **more)

    monkeypatch.setattr(fee_books.Connection, "execute", dying)
    with pytest.raises(RuntimeError, match="killed"):
        accrue(MID_OCTOBER)
    monkeypatch.undo()
    assert len(entries(shop)) == 5
    books_balance()
    assert len(accrue(MID_OCTOBER).changed) == len(ACCOUNTS) - 5
    assert entries(shop) == [("fee", -310_000_000)] * len(ACCOUNTS)
    books_balance()


def test_fees_that_change_place_and_come_to_the_same_move_no_wallet(shop):
    accrue(MID_OCTOBER)
    publish_plan(wiring.administration(), a_plan() | {"name": "The same for as much"}, author=ASHA)
    add_charge(shop, "otp-inr", "recurring", "platform", amount="310.00")
    plan, timing = PlanReference("otp-inr", 2), Timing(OCTOBER_1)
    change_subscription.change(wiring.administration(), "account-0", plan=plan, timing=timing, author=ASHA)
    changed = accrue(MID_OCTOBER)
    assert (changed.changed, changed.amount_micros) == (["account-0"], 0)
    assert entries(shop) == [("fee", -310_000_000)] * len(ACCOUNTS)
    assert accrue(MID_OCTOBER).changed == []
    books_balance()


def test_a_preview_shows_what_would_be_booked_and_books_nothing(shop):
    (first, *_) = preview_accrual(batch_wiring.fee_books(), now=MID_OCTOBER)
    assert (first.account.code, first.amount_micros) == ("account-0", 310_000_000)
    assert entries(shop) == []


def test_a_change_of_plan_in_mid_month_is_split_exactly_and_the_invoice_says_how(shop):
    dearer = a_plan()
    dearer["name"] = "Dearer"
    publish_plan(wiring.administration(), dearer, author=ASHA)
    add_charge(shop, "otp-inr", "recurring", "platform", amount="620.00")
    accrue(MID_OCTOBER)
    eleventh = datetime(2026, 10, 10, 18, 30, tzinfo=UTC)
    plan, timing = PlanReference("otp-inr", 2), Timing(eleventh)
    change_subscription.change(wiring.administration(), "account-0", plan=plan, timing=timing, author=ASHA)
    change_subscription.cancel(
        wiring.administration(), "account-0", timing=Timing(datetime(2026, 10, 31, 18, 30, tzinfo=UTC)), author=ASHA
    )
    accrue(NOVEMBER_2)
    draft_invoices(BillingMonth(2026, 10), Batch(0, 1), drafts=batch_wiring.invoice_book().drafts, now=NOVEMBER_2)
    with shop.connect() as connection:
        statement = "SELECT document FROM invoice JOIN account USING (account_id) WHERE code = 'account-0'"
        document = connection.execute(text(statement)).scalar_one()
    lines = [(line["plan_version"], line["quantity_millionths"], line["amount_micros"]) for line in document["lines"]]
    assert lines == [("otp-inr v1", 322_581, 100_000_000), ("otp-inr v2", 677_419, 420_000_000)]
    books_balance()


def test_what_an_account_is_owed_in_all_is_refused_with_the_document_that_gives_it_back(shop):
    accrue(MID_OCTOBER)
    with shop.begin() as connection:  # as if September's invoice had taken it
        taken = "invoiced_amount_micros = amount_micros, invoiced_quantity_millionths = quantity_millionths"
        connection.execute(text(f"UPDATE usage_total SET {taken}"))
    tenth = Timing(datetime(2026, 10, 10, 18, 30, tzinfo=UTC))
    change_subscription.cancel(wiring.administration(), "account-0", timing=tenth, author=ASHA)
    accrue(MID_OCTOBER)
    drafted = draft_invoices(BillingMonth(2026, 10), Batch(0, 1), drafts=batch_wiring.invoice_book().drafts, now=NOVEMBER_2)
    (failure,) = drafted.failures
    assert failure.account == "account-0"
    assert "is owed 21000 minor units for 2026-10; a credit note is the document for that" in failure.reason
