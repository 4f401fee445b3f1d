"""The invoice run on a real Airflow: from booked usage to PDFs, through a person's approval."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from connectors import batch_wiring, clock
from connectors.settings import settings
from domain.money import Currency
from domain.period import BillingMonth
from tests.books import an_event, book, open_account, open_shop

pytestmark = [pytest.mark.engines, pytest.mark.airflow]
NOW = clock.now()
THIS_MONTH = BillingMonth(NOW.year, NOW.month)
LAST_MONTH = THIS_MONTH.previous()
A_DAY_OF_LAST_MONTH = NOW.replace(day=1, hour=0) - timedelta(days=10)
MINUTES = 4 * 60


@pytest.fixture
def shop(database, warehouse, cache):
    """Usage of last month by three accounts that can be invoiced and one that cannot."""
    open_shop()
    open_account("acme")
    open_account("prep", mode="prepaid")
    abroad = {"country": "US", "state_code": None, "gstin": None, "tax_category": "overseas"}
    open_account("york", currency=Currency.USD, time_zone="America/New_York", **abroad)
    open_account("torn", state_code="29")  # its GSTIN is of another state
    events = [an_event(code, quantity=100, at=A_DAY_OF_LAST_MONTH) for code in ("acme", "prep", "york", "torn")]
    book(database, events, received_at=NOW)
    for path in folder().glob("*.pdf"):
        path.unlink()
    return database


@pytest.fixture(autouse=True)
def no_other_run(airflow):
    """A run that waits for a person keeps the next one queued: an interrupted session may have left one."""
    for run in airflow.unfinished("invoice_run"):
        airflow.give_up(run)


def folder():
    """Where last month's PDFs lie."""
    return settings().invoice_folder / str(LAST_MONTH)


def what_is_kept(database):
    """Everything a second run may not change, with the times at which PDFs were written."""
    queries = (
        "SELECT * FROM invoice ORDER BY 1",
        "SELECT * FROM invoice_line ORDER BY 1, 2",
        "SELECT * FROM wallet_entry ORDER BY 1, 2",
    )
    with database.connect() as connection:
        tables = [connection.execute(text(query)).all() for query in queries]
    return tables, {path.name: path.stat().st_mtime_ns for path in folder().glob("*.pdf")}


def run_and_answer(airflow, option, **parameters):
    """Trigger a run, answer its question, wait for its end; returns the run, the question and the state."""
    run = airflow.trigger("invoice_run", parameters)
    assert airflow.wait(run, timeout_seconds=MINUTES, task_id="approve") == "awaiting_input"
    question = airflow.question(run, "approve")
    airflow.answer(run, "approve", option=option)
    return run, question, airflow.wait(run, timeout_seconds=MINUTES)


def test_an_approved_run_issues_and_prints_and_a_second_one_changes_nothing(airflow, shop):
    run, (subject, body), state = run_and_answer(airflow, "Approve", month=str(LAST_MONTH))

    assert state == "success"
    assert subject == f"Issue 3 invoices for {LAST_MONTH}?"
    assert "| INR | 2 | ₹40.00 | ₹7.20 | ₹47.20 | ₹23.60 |" in body
    assert "- `torn`: buyer.state_code: 29 is not the state of the GSTIN" in body
    book_of_invoices = batch_wiring.invoice_book()
    assert book_of_invoices.runs.get(LAST_MONTH).approved_by == settings().airflow_user
    invoices = book_of_invoices.invoices.listing(LAST_MONTH)
    assert [(row["account"], row["status"]) for row in invoices] == [
        ("acme", "issued"), ("prep", "issued"), ("york", "issued"),
    ]  # fmt: skip
    assert sorted(path.name for path in folder().glob("*.pdf")) == [
        row["number"].replace("/", "-") + ".pdf" for row in invoices
    ]
    summary = airflow.result(run, "run_summary")
    assert (summary["printed"], [failure["account"] for failure in summary["failures"]]) == (3, ["torn"])
    kept = what_is_kept(shop)

    _, (subject, body), state = run_and_answer(airflow, "Approve")  # no month: the last one

    assert state == "success"
    assert subject == f"Issue 0 invoices for {LAST_MONTH}?"
    assert "Issued already: 3" in body
    assert what_is_kept(shop) == kept


def test_a_rejected_run_issues_nothing_and_says_so_in_its_summary(airflow, shop):
    run, _, state = run_and_answer(airflow, "Reject", month=str(LAST_MONTH))

    assert state == "success"
    tasks = airflow.tasks(run)
    assert [set(tasks[name]) for name in ("record_approval", "issue", "print_copies")] == [{"skipped"}] * 3
    summary = airflow.result(run, "run_summary")
    assert (summary["approved_by"], summary["issued"], summary["printed"]) == (None, [], 0)
    assert {row["status"] for row in batch_wiring.invoice_book().invoices.listing(LAST_MONTH)} == {"draft"}


def test_books_that_do_not_balance_stop_the_run_at_once_with_the_reason_in_the_log(airflow, shop):
    with shop.begin() as connection:
        connection.execute(text("UPDATE usage_total SET amount_micros = amount_micros + 1 WHERE account_id = 1"))

    run = airflow.trigger("invoice_run", {"month": str(LAST_MONTH)})

    assert airflow.wait(run, timeout_seconds=MINUTES) == "failed"
    assert airflow.tasks(run)["check_books"] == {"failed": 1}  # and not "up_for_retry": the answer stays no
    log = airflow.log(run, "check_books")
    assert "the books do not balance: " in log
    assert "usage_matches_ledger: 1 row" in log
    assert batch_wiring.invoice_book().runs.get(LAST_MONTH) is None


def test_a_month_that_is_no_month_is_refused_when_the_run_is_triggered(airflow):
    with pytest.raises(Exception, match="400"):
        airflow.trigger("invoice_run", {"month": "2026-13"})
