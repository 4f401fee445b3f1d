"""Issuing: gapless numbers in account order, frozen invoices, settled wallets, and books that balance afterwards."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from connectors import batch_wiring
from domain.errors import BooksDoNotBalance, EngineUnavailable, IllegalTransition, NotFound
from domain.invoice.model import InvoiceStatus
from invoicing.approve_run import approve_run
from invoicing.check_books import check_books
from tests.books import NOVEMBER_2, an_event, book, open_account
from tests.invoicing.month import NOVEMBER, OCTOBER, approve, draft, invoice_month, issue, recompute, start, summarise

pytestmark = pytest.mark.engines


def rows(database, query):
    """The rows of a query as plain tuples."""
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def books_faults():
    """What is wrong with the books, by now."""
    return check_books(
        batch_wiring.books(), now=NOVEMBER_2, warehouse=batch_wiring.warehouse(), cache=batch_wiring.balances()
    ).faults


def test_numbers_run_from_one_without_a_gap_in_the_order_of_account_codes(shop, cache):
    for code in ("delta", "alpha", "Charlie", "bravo"):
        open_account(code)
        book(shop, [an_event(code, quantity=100)])

    issued = invoice_month()

    assert issued.numbers == [f"OTP/26-27/{n:06d}" for n in (1, 2, 3, 4)]
    listing = batch_wiring.invoice_book().invoices.listing(OCTOBER)
    assert [row["account"] for row in listing] == ["Charlie", "alpha", "bravo", "delta"]
    assert rows(shop, "SELECT series, financial_year, next_number FROM invoice_series") == [("OTP", "26-27", 5)]


def test_an_issued_invoice_bears_an_indian_date_and_falls_due_in_fifteen_days(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme", quantity=100)])
    late_evening_utc = datetime(2026, 11, 2, 19, tzinfo=UTC)  # half past midnight on the 3rd in India

    (number,) = invoice_month(now=late_evening_utc).numbers

    invoice = batch_wiring.invoice_book().invoices.get(number).invoice
    assert (invoice.status, invoice.issue_date, invoice.due_date) == (
        InvoiceStatus.ISSUED,
        date(2026, 11, 3),
        date(2026, 11, 18),
    )


def test_a_postpaid_wallet_comes_back_up_by_what_the_invoice_took_to_the_micro(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme", quantity=7, channel="whatsapp"), an_event("acme", quantity=1)])

    (number,) = invoice_month().numbers

    assert rows(shop, "SELECT balance_micros, version FROM wallet") == [(0, 2)]
    assert rows(shop, "SELECT cause, reference, amount_micros, balance_after_micros FROM wallet_entry ORDER BY version") == [
        ("usage", "1", -1_215_000, -1_215_000),
        ("invoice", number, 1_215_000, 0),
    ]


def test_a_prepaid_invoice_is_settled_already_and_leaves_the_wallet_alone(shop, cache):
    open_account("acme", mode="prepaid")
    book(shop, [an_event("acme", quantity=100)])

    (number,) = invoice_month().numbers

    invoice = batch_wiring.invoice_book().invoices.get(number).invoice
    assert (invoice.total_minor, invoice.prepaid_minor, invoice.due_minor) == (23_60, 23_60, 0)
    assert invoice.due_date == invoice.issue_date
    assert rows(shop, "SELECT balance_micros, version FROM wallet") == [(-20_000_000, 1)]


def test_the_books_balance_after_issue_and_redis_has_the_new_balances(shop, cache):
    open_account("acme")
    open_account("prep", mode="prepaid")
    book(shop, [an_event("acme", quantity=100), an_event("prep", quantity=100)])

    invoice_month()

    # The worker told neither balance here; issuing told both, of the whole month.
    assert books_faults() == []
    assert rows(shop, "SELECT sum(amount_micros - invoiced_amount_micros)::bigint FROM usage_total") == [(0,)]


def test_issuing_again_changes_nothing(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme", quantity=100)])
    invoice_month()
    everything = (
        "SELECT * FROM invoice",
        "SELECT * FROM wallet_entry",
        "SELECT * FROM usage_total",
        "SELECT * FROM audit_record WHERE action <> 'invoice_run.recomputed'",
    )
    before = [rows(shop, query) for query in everything]

    again = invoice_month()

    assert (again.numbers, again.redrafted, again.failures) == ([], 0, [])
    assert [rows(shop, query) for query in everything] == before


def test_usage_that_arrives_between_draft_and_issue_is_on_the_invoice(shop, cache):
    open_account("acme")
    open_account("calm")
    book(shop, [an_event("acme", quantity=100), an_event("calm", quantity=100)])
    start()
    draft()
    approve()
    book(shop, [an_event("acme", quantity=50), an_event("acme", quantity=10, channel="whatsapp")])

    issued = issue()

    assert (len(issued.numbers), issued.redrafted) == (2, 1)
    assert rows(shop, "SELECT subtotal_minor FROM invoice ORDER BY number") == [(31_45,), (20_00,)]
    assert books_faults() == []


def test_a_draft_with_nothing_due_any_more_is_removed_and_takes_no_number(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme", quantity=100)])
    november_3 = datetime(2026, 12, 2, tzinfo=UTC)
    draft(NOVEMBER, now=november_3)  # October's usage, as a late line of November
    invoice_month(OCTOBER)
    start(NOVEMBER, now=november_3)
    approve(NOVEMBER, now=november_3)

    issued = issue(NOVEMBER, now=november_3)

    assert (issued.numbers, issued.removed) == ([], 1)
    assert rows(shop, "SELECT next_number FROM invoice_series") == [(2,)]


def test_an_account_that_fails_at_issue_keeps_its_draft_and_leaves_no_gap(shop, cache):
    for code in ("alpha", "bravo", "charlie"):
        open_account(code)
        book(shop, [an_event(code, quantity=100)])
    start()
    draft()
    approve()
    with shop.begin() as connection:
        connection.execute(text("UPDATE customer SET state_code = '29' WHERE code = 'customer-bravo'"))

    issued = issue()

    assert issued.numbers == ["OTP/26-27/000001", "OTP/26-27/000002"]
    assert [failure.account for failure in issued.failures] == ["bravo"]
    assert rows(shop, "SELECT a.code, i.status FROM invoice i JOIN account a USING (account_id) ORDER BY a.code") == [
        ("alpha", "issued"),
        ("bravo", "draft"),
        ("charlie", "issued"),
    ]


def test_nothing_is_issued_without_an_approval(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])

    with pytest.raises(
        NotFound, match=r"no invoice run of 2026-10 was started: run `billing invoices start --month 2026-10`"
    ):
        issue()
    start()
    draft()
    with pytest.raises(IllegalTransition, match=r"the invoice run of 2026-10 is not approved"):
        issue()
    assert rows(shop, "SELECT status FROM invoice") == [("draft",)]


def test_nothing_is_issued_that_the_second_rater_has_not_looked_at(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])
    start()
    draft()
    approve_run(OCTOBER, by="Asha Rao", runs=batch_wiring.invoice_book().runs, now=NOVEMBER_2)

    with pytest.raises(IllegalTransition, match=r"recomputed .*: run `billing invoices recompute --month 2026-10` first"):
        issue()

    recompute()
    assert len(issue().numbers) == 1


def test_a_look_before_the_run_was_started_again_does_not_count(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])
    start()
    recompute()
    start()
    approve_run(OCTOBER, by="Asha Rao", runs=batch_wiring.invoice_book().runs, now=NOVEMBER_2)

    with pytest.raises(IllegalTransition, match="was not recomputed by the second rater since it was started"):
        issue()


def test_nothing_is_issued_while_the_second_rater_comes_to_another_number(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])
    start()
    draft()
    approve()
    with shop.begin() as connection:
        connection.execute(text("UPDATE usage_total SET amount_micros = amount_micros + 1"))

    assert len(recompute().differences) == 1
    with pytest.raises(BooksDoNotBalance, match="`billing recompute --all --month 2026-10` shows where"):
        issue()
    assert rows(shop, "SELECT status FROM invoice") == [("draft",)]

    with shop.begin() as connection:
        connection.execute(text("UPDATE usage_total SET amount_micros = amount_micros - 1"))
    recompute()
    assert len(issue().numbers) == 1


def test_an_issued_invoice_and_its_lines_are_frozen(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])
    invoice_month()

    for statement in (
        "UPDATE invoice SET total_minor = total_minor + 1, subtotal_minor = subtotal_minor + 1",
        "DELETE FROM invoice",
        "UPDATE invoice_line SET amount_minor = 0",
        "DELETE FROM invoice_line",
        "INSERT INTO invoice_line SELECT invoice_id, 99, service_month, charge_id, price_cell, 1, 1, 1, 1 FROM invoice_line",
    ):
        with pytest.raises(DBAPIError, match="frozen"), shop.begin() as connection:
            connection.execute(text(statement))


def test_a_new_financial_year_begins_at_one(shop, cache):
    march, april = datetime(2027, 3, 31, 12, tzinfo=UTC), datetime(2027, 4, 1, 12, tzinfo=UTC)
    open_account("acme")
    book(shop, [an_event("acme")])
    invoice_month(now=march)
    book(shop, [an_event("acme", at=datetime(2026, 11, 3, tzinfo=UTC))])

    issued = invoice_month(NOVEMBER, now=april)

    assert issued.numbers == ["OTP/27-28/000001"]
    assert books_faults() == []


def test_a_month_is_issued_desk_by_desk_and_goes_on_where_it_stopped(shop, cache, monkeypatch):
    monkeypatch.setattr("invoicing.issue_invoices.DESK_SIZE", 2)
    codes = ["a", "b", "c", "d", "e"]
    for code in codes:
        open_account(code)
        book(shop, [an_event(code)])
    start()
    draft()
    approve()
    with monkeypatch.context() as broken:
        broken.setattr("invoicing.issue_invoices.due_date", _power_cut_at("OTP/26-27/000003"))
        with pytest.raises(KeyboardInterrupt):
            issue()
    assert rows(shop, "SELECT count(*), max(number) FROM invoice WHERE status = 'issued'") == [(2, "OTP/26-27/000002")]

    issue()

    assert rows(shop, "SELECT number FROM invoice ORDER BY number") == [(f"OTP/26-27/{n:06d}",) for n in range(1, 6)]
    assert books_faults() == []


def _power_cut_at(number):
    """A due_date that ends the process at its third call."""
    calls = iter(range(1, 100))

    def cut(issued_on, mode, *, term_days=None):
        if next(calls) == int(number[-6:]):
            raise KeyboardInterrupt
        return issued_on

    return cut


def test_two_people_issuing_at_once_issue_each_invoice_once(shop, cache, monkeypatch):
    monkeypatch.setattr("invoicing.issue_invoices.DESK_SIZE", 3)
    for n in range(12):
        open_account(f"account-{n:02d}")
        book(shop, [an_event(f"account-{n:02d}")])
    start()
    draft()
    approve()

    with ThreadPoolExecutor(2) as people:
        both = list(people.map(lambda _: issue(), range(2)))

    numbers = sorted(number for issued in both for number in issued.numbers)
    assert numbers == [f"OTP/26-27/{n:06d}" for n in range(1, 13)]
    assert books_faults() == []


def test_usage_booked_while_invoices_are_issued_is_on_an_invoice_or_due_on_the_next(shop, cache, monkeypatch):
    monkeypatch.setattr("invoicing.issue_invoices.DESK_SIZE", 2)
    codes = [f"account-{n:02d}" for n in range(10)]
    for code in codes:
        open_account(code)
    book(shop, [an_event(code) for code in codes])
    start()
    draft()
    approve()

    with ThreadPoolExecutor(1) as worker:
        booking = [worker.submit(book, shop, [an_event(code) for code in reversed(codes)]) for _ in range(15)]
        issued = issue()
        for batch in booking:
            batch.result()  # no deadlock: both sides lock wallets in the order of their ids

    assert (len(issued.numbers), issued.failures) == (10, [])
    ((rated, invoiced, due),) = rows(
        shop,
        "SELECT sum(event_count)::int, sum(invoiced_event_count)::int, "
        "sum(event_count - invoiced_event_count)::int FROM usage_total",
    )
    assert rated == 160
    assert invoiced + due == rated
    cache_is_behind = "balances: "  # this worker tells Redis nothing
    assert [fault for fault in books_faults() if not fault.startswith(cache_is_behind)] == []
    november = datetime(2026, 12, 2, tzinfo=UTC)
    invoice_month(NOVEMBER, now=november)
    assert rows(shop, "SELECT sum(event_count)::int FROM invoice_line") == [(160,)]


def test_a_wallet_held_by_somebody_makes_issuing_wait_and_then_give_up_with_a_sentence(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])
    start()
    draft()
    approve()
    with shop.connect() as other, shop.connect() as mine:
        other.execute(text("SELECT 1 FROM wallet FOR UPDATE"))
        mine.execute(text("SET lock_timeout = '50ms'"))
        mine.commit()
        mine.close()  # back to the pool: the next transaction uses this session

        with pytest.raises(EngineUnavailable, match=r"PostgreSQL is busy .* nothing was changed, run the command again"):
            issue()
    shop.dispose()

    assert len(issue().numbers) == 1


def test_each_issued_invoice_leaves_an_audit_record_with_what_it_was_before(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])

    (number,) = invoice_month().numbers

    actions = rows(shop, "SELECT actor, action, subject FROM audit_record WHERE action LIKE 'invoice%' ORDER BY audit_id")
    assert actions == [
        ("invoice_run", "invoice_run.started", "2026-10"),
        ("invoice_run", "invoices.drafted", "2026-10"),
        ("Asha Rao", "invoice_run.approved", "2026-10"),
        ("invoice_run", "invoice_run.recomputed", "2026-10"),
        ("invoice_run", "invoice.issued", number),
    ]
    ((before, after),) = rows(shop, "SELECT before, after FROM audit_record WHERE action = 'invoice.issued'")
    assert (before["status"], after["status"], after["number"]) == ("draft", "issued", number)
    assert before["document_digest"] != after["document_digest"]


def test_the_summary_after_issue_has_the_numbers_and_the_totals_of_each_currency(shop, cache):
    open_account("acme")
    open_account("prep", mode="prepaid")
    book(shop, [an_event("acme", quantity=100), an_event("prep", quantity=100)])
    invoice_month()

    state = summarise().invoices

    assert (state.drafts, state.left_out, state.accounts) == ([], 0, 2)
    assert (state.first_number, state.last_number, state.printed) == ("OTP/26-27/000001", "OTP/26-27/000002", 0)
    assert [astuple(amounts) for amounts in state.issued] == [("INR", 2, 40_00, 7_20, 47_20, 23_60)]
