"""The gate in front of an invoice: what the second rater said of a run, and whether it lets the run go on."""

from collections.abc import Mapping
from typing import Any, Final

from domain.errors import BooksDoNotBalance, IllegalTransition
from invoicing.invoice_ports import InvoiceRun

RESULT: Final = "second_rater"
"""Where the certificate of a run has the result."""


def refuse_disagreement(run: InvoiceRun) -> None:
    """Raises BooksDoNotBalance when the second rater came to other numbers than the books."""
    result: Mapping[str, Any] | None = run.certificate.get(RESULT)
    if result is not None and not result["agrees"]:
        raise BooksDoNotBalance(
            f"the second rater came to other numbers for {run.month}: `billing recompute --all --month {run.month}` shows "
            f"where; once that is understood, `billing invoices recompute --month {run.month}` compares again"
        )


def require_agreement_of_run(run: InvoiceRun) -> None:
    """Raises IllegalTransition when the run was not recomputed since it was started, and as `refuse_disagreement`."""
    if run.certificate.get(RESULT) is None:
        raise IllegalTransition(
            f"the invoice run of {run.month} was not recomputed by the second rater since it was started: run "
            f"`billing invoices recompute --month {run.month}` first"
        )
    refuse_disagreement(run)
