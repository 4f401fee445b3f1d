"""Draft the invoices of a month for one batch of accounts: same inputs, same drafts."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.errors import InvalidInput, TaxProfileIncomplete
from domain.invoice.assemble import MonthOfCharges, Seller, assemble
from domain.invoice.due_usage import as_line
from domain.invoice.model import Invoice
from domain.invoice.terms import issue_date, require_ended
from domain.period import BillingMonth
from invoicing.invoice_ports import Batch, Draft, DraftChanges, DueAccount, Failure, InvoiceDrafts

REFUSALS: Final = (InvalidInput, TaxProfileIncomplete)
"""What is wrong with one account's facts: the others are invoiced all the same."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """What drafting a batch did."""

    changes: DraftChanges
    failures: tuple[Failure, ...]


def draft_invoices(
    month: BillingMonth, batch: Batch, *, drafts: InvoiceDrafts, now: datetime, allow_open: bool = False
) -> Drafted:
    """Draft what is due, and draft again what has moved since. Invoices issued already are left alone.

    Raises IllegalTransition while the month is running, unless `allow_open`: such drafts show what is to come.
    """
    if not allow_open:
        require_ended(month, drafts.time_zones(), now=now)
    seller = drafts.seller()
    made: list[Draft] = []
    failures: list[Failure] = []
    for account in drafts.due(month, batch):
        invoice = try_to_draft(account, month, seller=seller, on=issue_date(now))
        if isinstance(invoice, Failure):
            failures.append(invoice)
        else:
            made.append(Draft(account, invoice))
    return Drafted(drafts.replace(month, batch, made, now=now), tuple(failures))


def try_to_draft(account: DueAccount, month: BillingMonth, *, seller: Seller, on: date) -> Invoice | Failure:
    """The draft of one account, or what keeps it from being drafted."""
    try:
        lines = tuple(as_line(due, billed_to=account.code, month=month, currency=account.currency) for due in account.usage)
        charges = MonthOfCharges(account.code, month, account.currency, account.mode, lines)
        return assemble(charges, seller=seller, buyer=account.buyer, on=on)
    except REFUSALS as refusal:
        return Failure(account.code, refusal.code, str(refusal))
