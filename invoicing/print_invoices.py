"""Print the issued invoices of one batch of accounts: PDFs in the invoice folder, the same bytes every time."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from domain.errors import BillingError
from domain.period import BillingMonth
from invoicing.invoice_ports import Batch, InvoiceFolder, InvoicePrinter, Invoices, IssuedInvoice, PrintedCopy


@dataclass(frozen=True, slots=True)
class Printed:
    """What printing a batch did, in numbers of invoices."""

    printed: int
    already_printed: int


def print_invoices(
    month: BillingMonth, batch: Batch, *, invoices: Invoices, printer: InvoicePrinter, folder: InvoiceFolder, now: datetime
) -> Printed:
    """Print what has no copy, or whose copy is missing or damaged on disk; leave the rest alone.

    Raises BillingError when a copy made before cannot be made again with the same bytes.
    """
    made: dict[str, PrintedCopy] = {}
    already = 0
    for issued in invoices.issued(month, batch):
        if issued.copy is not None and folder.digest(issued.copy.path) == issued.copy.digest:
            already += 1
            continue
        made[issued.number] = _print(issued, month, printer=printer, folder=folder)
    invoices.record_copies(made, now=now)
    return Printed(len(made), already)


def _print(issued: IssuedInvoice, month: BillingMonth, *, printer: InvoicePrinter, folder: InvoiceFolder) -> PrintedCopy:
    content = printer(issued.invoice)
    copy = PrintedCopy(f"{month}/{issued.number.replace('/', '-')}.pdf", hashlib.sha256(content).hexdigest())
    if issued.copy is not None and issued.copy.digest != copy.digest:
        raise BillingError(
            f"invoice {issued.number} was printed as {issued.copy.digest[:12]}… and would now be {copy.digest[:12]}…: "
            f"restore {issued.copy.path} from a backup, a second form of an issued invoice is not made"
        )
    folder.write(copy.path, content)
    return copy
