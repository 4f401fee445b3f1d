"""The steps of an invoice run for October 2026, each with what a test need not say."""

from connectors import batch_wiring, proof_wiring
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.approve_run import approve_run
from invoicing.draft_invoices import Drafted, draft_invoices
from invoicing.invoice_ports import Batch, InvoiceRun
from invoicing.issue_invoices import Issued, issue_invoices
from invoicing.recompute_accounts import Comparison
from invoicing.recompute_run import recompute_run
from invoicing.start_run import start_run
from invoicing.summarise_run import RunSummary, summarise_run
from tests.books import NOVEMBER_2

OCTOBER = BillingMonth(2026, 10)
NOVEMBER = BillingMonth(2026, 11)
EVERYBODY = Batch(0, 1)


def start(month=OCTOBER, *, now=NOVEMBER_2) -> InvoiceRun:
    """Open the run."""
    return start_run(
        month, books=batch_wiring.books(), warehouse=batch_wiring.warehouse(), book=batch_wiring.invoice_book(), now=now
    )


def draft(month=OCTOBER, batch=EVERYBODY, *, now=NOVEMBER_2, allow_open=False) -> Drafted:
    """Draft a batch, everybody unless told otherwise."""
    return draft_invoices(month, batch, drafts=batch_wiring.invoice_book().drafts, now=now, allow_open=allow_open)


def recompute(month=OCTOBER, *, now=NOVEMBER_2) -> Comparison:
    """Let the second rater look at the run."""
    fees, balances = batch_wiring.fee_books(), batch_wiring.balances()
    return recompute_run(
        month,
        room=proof_wiring.evidence_room(),
        runs=batch_wiring.invoice_book().runs,
        accrue=lambda behind: accrue_fees(fees, balances, now=now, accounts=fees.ids_of(behind)),
        now=now,
    )


def approve(month=OCTOBER, *, by="Asha Rao", now=NOVEMBER_2) -> InvoiceRun:
    """Approve the run; the second rater has looked at it."""
    approved = approve_run(month, by=by, runs=batch_wiring.invoice_book().runs, now=now)
    recompute(month, now=now)
    return approved


def issue(month=OCTOBER, *, now=NOVEMBER_2) -> Issued:
    """Issue what is approved."""
    return issue_invoices(month, book=batch_wiring.invoice_book(), balances=batch_wiring.balances(), now=now)


def invoice_month(month=OCTOBER, *, now=NOVEMBER_2) -> Issued:
    """All of it: start, draft, approve, issue."""
    start(month, now=now)
    draft(month, now=now)
    approve(month, now=now)
    return issue(month, now=now)


def summarise(month=OCTOBER, *, now=NOVEMBER_2) -> RunSummary:
    """Where the run stands."""
    return summarise_run(month, book=batch_wiring.invoice_book(), now=now)
