"""Approve an invoice run: a person says that its drafts may be issued."""

from dataclasses import replace
from datetime import datetime

from domain.errors import InvalidInput, NotFound
from domain.period import BillingMonth
from invoicing.invoice_ports import InvoiceRun, InvoiceRuns
from invoicing.second_rater_gate import refuse_disagreement


def approve_run(month: BillingMonth, *, by: str, runs: InvoiceRuns, now: datetime) -> InvoiceRun:
    """Record who approved and when. A run that is approved stays so: the first approval counts.

    Raises InvalidInput for an empty name, NotFound when no run was started, and BooksDoNotBalance when the second rater came
    to other numbers.
    """
    approver = by.strip()
    if not approver:
        raise InvalidInput("by: an approval needs the name of a person")
    run = started_run(month, runs=runs)
    if run.approved_by is not None:
        return run
    refuse_disagreement(run)
    approved = replace(run, approved_by=approver, approved_at=now)
    runs.save(approved, actor=approver, now=now)
    return approved


def started_run(month: BillingMonth, *, runs: InvoiceRuns) -> InvoiceRun:
    """The run of a month. Raises NotFound naming the command that starts one."""
    run = runs.get(month)
    if run is None:
        raise NotFound(f"no invoice run of {month} was started: run `billing invoices start --month {month}` first")
    return run
