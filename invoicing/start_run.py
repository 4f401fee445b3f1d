"""Start the invoice run of a month: nothing is invoiced from books that do not balance."""

from datetime import datetime
from typing import Final

from domain.invoice.terms import require_ended
from domain.period import BillingMonth
from invoicing.books_ports import Books, Warehouse
from invoicing.check_books import check_books, require_balance
from invoicing.invoice_ports import InvoiceBook, InvoiceRun

ACTOR: Final = "invoice_run"


def start_run(month: BillingMonth, *, books: Books, warehouse: Warehouse, book: InvoiceBook, now: datetime) -> InvoiceRun:
    """Check the books and open the run with their certificate.

    Started again while accounts are still to be invoiced, it takes a new certificate and asks for a new approval;
    when everything is issued, it changes nothing. Raises IllegalTransition while the month is running, and
    BooksDoNotBalance.
    """
    require_ended(month, book.drafts.time_zones(), now=now)
    report = check_books(books, warehouse=warehouse, month=month, now=now)
    require_balance(report)
    present = book.runs.get(month)
    if present is not None and present.approved_by is not None and not book.invoices.month(month).open_accounts:
        return present
    run = InvoiceRun(month, report.certificate(), checked_at=now)
    book.runs.save(run, actor=ACTOR, now=now)
    return run
