"""The second rater as a gate: its result is on the run, and a run it does not agree with is not approved."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from connectors import batch_wiring, proof_wiring
from domain.errors import BooksDoNotBalance, NotFound
from invoicing.accrue_fees import accrue_fees
from invoicing.approve_run import approve_run
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Batch, InvoiceRun
from invoicing.recompute_accounts import recompute_accounts
from invoicing.recompute_run import recompute_run
from tests.books import NOVEMBER_2, an_event, book, open_account
from tests.builders import OCTOBER
from tests.fee_charges import add_charge
from tests.invoicing.month import recompute

pytestmark = pytest.mark.engines


@pytest.fixture(name="drafted")
def _drafted(shop, book_of_invoices):
    """A drafted run of one account."""
    open_account("acme")
    book(shop, [an_event("acme", quantity=3)])
    book_of_invoices.runs.save(InvoiceRun(OCTOBER, {"totals": {}}, NOVEMBER_2), actor="tests", now=NOVEMBER_2)
    draft_invoices(OCTOBER, Batch(0, 1), drafts=book_of_invoices.drafts, now=NOVEMBER_2)
    return shop


def test_the_result_is_on_the_run_which_may_be_approved_then(drafted, book_of_invoices):
    assert recompute().differences == ()

    run = approve_run(OCTOBER, by="asha", runs=book_of_invoices.runs, now=NOVEMBER_2)
    assert run.certificate["second_rater"]["agrees"] is True
    assert run.certificate["second_rater"]["amount_micros"] == {"INR": 600_000}
    assert run.certificate["totals"] == {}


def test_a_drafted_line_at_another_amount_stops_the_run(drafted, book_of_invoices):
    with drafted.begin() as connection:
        connection.execute(text("UPDATE invoice_line SET amount_micros = amount_micros + 1"))

    assert [(row["of"], row["recomputed"], row["booked"]) for row in recompute().rows()] == [("line", 600_000, 600_001)]
    with pytest.raises(BooksDoNotBalance, match="the second rater came to other numbers for 2026-10"):
        approve_run(OCTOBER, by="asha", runs=book_of_invoices.runs, now=NOVEMBER_2)


def test_usage_that_came_after_the_draft_is_no_difference(drafted, book_of_invoices):
    book(drafted, [an_event("acme")])

    assert recompute().differences == ()


def test_a_minimum_that_late_usage_has_reached_is_accrued_again_and_no_difference(drafted, book_of_invoices, cache):
    add_charge(drafted, "otp-inr", "commitment", "minimum", minimum="1.00")
    with drafted.begin() as connection:
        since = {"start": datetime(2026, 10, 1, tzinfo=UTC)}
        connection.execute(text("UPDATE subscription SET validity = tstzrange(:start, NULL), began_at = :start"), since)
    fees = batch_wiring.fee_books()
    accrue_fees(fees, batch_wiring.balances(), now=NOVEMBER_2)
    book(drafted, [an_event("acme", quantity=5)])
    assert len(recompute_accounts(OCTOBER, None, room=proof_wiring.evidence_room(), now=NOVEMBER_2).differences) == 2

    assert recompute().differences == ()
    (account,) = fees.read(fees.account_ids())
    assert {fee.amount_micros for fee in account.booked.values()} == {0}


def test_a_fee_that_accruing_does_not_mend_stops_the_run(drafted, book_of_invoices, cache):
    add_charge(drafted, "otp-inr", "one_time", "setup", amount="10.00")
    fees = batch_wiring.fee_books()
    accrue_fees(fees, batch_wiring.balances(), now=NOVEMBER_2)
    with drafted.begin() as connection:
        connection.execute(text("UPDATE usage_total SET amount_micros = amount_micros + 1 WHERE price_cell = 'once'"))

    differences = recompute_run(
        OCTOBER, room=proof_wiring.evidence_room(), runs=book_of_invoices.runs, accrue=lambda behind: None, now=NOVEMBER_2
    ).rows()

    assert {row["of"] for row in differences} == {"fee"}
    with pytest.raises(BooksDoNotBalance, match="the second rater came to other numbers for 2026-10"):
        approve_run(OCTOBER, by="asha", runs=book_of_invoices.runs, now=NOVEMBER_2)


def test_a_run_that_was_not_started_is_not_recomputed(shop, book_of_invoices):
    with pytest.raises(NotFound, match="no invoice run of 2026-10"):
        recompute()
