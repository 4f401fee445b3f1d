"""Summarise the invoice run of a month: what a person approves, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.invoice.terms import issue_date
from domain.period import BillingMonth
from invoicing.draft_invoices import try_to_draft
from invoicing.invoice_ports import Batch, Failure, InvoiceBook, InvoiceRun, Invoices, MonthOfInvoices

BATCH_ACCOUNTS_MAX: Final = 250


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Where a run stands; `failures` are the accounts it leaves out, each with what has to be repaired."""

    month: BillingMonth
    run: InvoiceRun | None
    invoices: MonthOfInvoices
    failures: tuple[Failure, ...]


def summarise_run(month: BillingMonth, *, book: InvoiceBook, now: datetime) -> RunSummary:
    """Look and change nothing. An account without a draft is tried again, so the reason given is today's."""
    seller = book.drafts.seller()
    failures = []
    for account in book.drafts.undrafted(month):
        attempt = try_to_draft(account, month, seller=seller, on=issue_date(now))
        missing = Failure(account.code, "not_drafted", "has no draft yet: draft the month again")
        failures.append(attempt if isinstance(attempt, Failure) else missing)
    return RunSummary(month, book.runs.get(month), book.invoices.month(month), tuple(failures))


def plan_batches(month: BillingMonth, *, invoices: Invoices) -> list[Batch]:
    """The batches a month's accounts are drafted and printed in; at least one, so that a run always has its tasks."""
    accounts = invoices.month(month).accounts
    of = max(1, -(-accounts // BATCH_ACCOUNTS_MAX))
    return [Batch(number, of) for number in range(of)]
