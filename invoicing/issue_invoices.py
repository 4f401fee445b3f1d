"""Issue the approved drafts of a month: numbers without a gap, invoices frozen, wallets settled."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from domain.errors import IllegalTransition
from domain.invoice.assemble import Seller, issue
from domain.invoice.document import digest, to_document
from domain.invoice.numbering import financial_year, format_number
from domain.invoice.terms import due_date, issue_date, require_ended
from domain.period import BillingMonth
from invoicing.approve_run import started_run
from invoicing.draft_invoices import try_to_draft
from invoicing.invoice_ports import Balances, Failure, InvoiceBook, Issue, IssueDesk
from invoicing.second_rater_gate import require_agreement_of_run

DESK_SIZE: Final = 25
"""Invoices per transaction: the worker waits for the wallets of a desk, so it closes within some 50 ms."""


@dataclass(slots=True)
class Issued:
    """What issuing did."""

    numbers: list[str] = field(default_factory=list)
    redrafted: int = 0
    """Issued with other lines than the draft had, because usage arrived in between (DESIGN §3.7)."""
    removed: int = 0
    """Drafts that had nothing due any more."""
    failures: list[Failure] = field(default_factory=list)


def issue_invoices(month: BillingMonth, *, book: InvoiceBook, balances: Balances, now: datetime) -> Issued:
    """Issue every draft of the month, in the order of account codes. Called again, it issues what is left.

    Each draft is made anew from the totals it takes from, under lock, so that what is issued is what is due.
    Raises IllegalTransition without an approval, without a result of the second rater, and while the month is running, and
    BooksDoNotBalance when the second rater came to other numbers.
    """
    run = started_run(month, runs=book.runs)
    if run.approved_by is None:
        raise IllegalTransition(
            f"the invoice run of {month} is not approved: a person approves it in Airflow, or with "
            f"`billing invoices approve --month {month} --by NAME`"
        )
    require_agreement_of_run(run)
    require_ended(month, book.drafts.time_zones(), now=now)
    seller = book.drafts.seller()
    on = issue_date(now)
    year = financial_year(on)
    done = Issued()
    after = ""
    while True:
        with book.issuing.desk(month, financial_year=year, after=after, size=DESK_SIZE, now=now) as desk:
            _fill(desk, done, month=month, seller=seller, on=on)
        if not desk.drafts:
            break
        after = desk.drafts[-1].account.code
    # Told again for the whole month, so that a call that died before telling is made good by the next one.
    balances.put(book.issuing.balances(month))
    return done


def _fill(desk: IssueDesk, done: Issued, *, month: BillingMonth, seller: Seller, on: date) -> None:
    for waiting in desk.drafts:
        account = waiting.account
        if not account.usage:
            desk.removals.append(waiting.invoice_id)
            done.removed += 1
            continue
        draft = try_to_draft(account, month, seller=seller, on=on)
        if isinstance(draft, Failure):
            done.failures.append(draft)
            continue
        done.redrafted += digest(to_document(draft)) != waiting.digest
        number = format_number(desk.series, financial_year(on), desk.next_number + len(desk.issues))
        final = issue(
            draft, number=number, issue_date=on, due_date=due_date(on, account.mode, term_days=account.payment_term_days)
        )
        desk.issues.append(Issue(waiting.invoice_id, account, final))
        done.numbers.append(number)
