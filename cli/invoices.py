"""`billing invoices`: the invoice run of a month, step by step, and its invoices to look at."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.months import Month
from cli.output import AsJson, show, show_rows
from connectors import batch_wiring, clock, proof_wiring
from domain.invoice.document import to_document
from domain.money import Currency, format_minor
from invoicing.accrue_fees import accrue_fees
from invoicing.approve_run import approve_run
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Amounts, Batch, InvoiceRun
from invoicing.issue_invoices import issue_invoices
from invoicing.print_invoices import print_invoices
from invoicing.recompute_accounts import require_agreement
from invoicing.recompute_run import recompute_run
from invoicing.start_run import start_run
from invoicing.summarise_run import RunSummary, plan_batches, summarise_run

app = typer.Typer(
    help="Invoices of a month: start, draft, approve, issue, print. The DAG invoice_run calls these.", no_args_is_help=True
)
BatchNumber = Annotated[int, typer.Option("--batch", help="Which batch of accounts, from 0.")]
BatchCount = Annotated[int, typer.Option("--of", help="Into how many batches the accounts are split.")]


@app.command()
def start(*, month: Month, as_json: AsJson = False) -> None:
    """Check the books and open the run; exit 1 when they do not balance or the month has not ended.

    Example: billing invoices start --month 2026-10
    """
    run = start_run(
        month,
        books=batch_wiring.books(),
        warehouse=batch_wiring.warehouse(),
        book=batch_wiring.invoice_book(),
        now=clock.now(),
    )
    show({**_run_facts(run), "certificate": run.certificate["totals"]}, as_json=as_json)


@app.command()
def batches(*, month: Month, as_json: AsJson = False) -> None:
    """List the batches of accounts the month is drafted and printed in.

    Example: billing invoices batches --month 2026-10 --json
    """
    planned = plan_batches(month, invoices=batch_wiring.invoice_book().invoices)
    show_rows([{"batch": batch.number, "of": batch.of} for batch in planned], as_json=as_json, empty="no batches")


@app.command()
def draft(
    *,
    month: Month,
    batch: BatchNumber = 0,
    of: BatchCount = 1,
    allow_open: Annotated[bool, typer.Option("--allow-open", help="Draft a month that is still running.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draft what is due, and draft again what has moved; accounts that cannot be invoiced are listed with the reason.

    Example: billing invoices draft --month 2026-10 --batch 0 --of 4
    """
    drafted = draft_invoices(
        month, Batch(batch, of), drafts=batch_wiring.invoice_book().drafts, now=clock.now(), allow_open=allow_open
    )
    failures = [asdict(failure) for failure in drafted.failures]
    facts = {"month": str(month), "batch": batch, "of": of, **asdict(drafted.changes)}
    show({**facts, "failures": failures if as_json else len(failures)}, as_json=as_json)
    if not as_json and failures:
        show_rows(failures, as_json=False, empty="")


@app.command()
def recompute(*, month: Month, as_json: AsJson = False) -> None:
    """Compute the month's charges anew with the second rater and keep the result with the run; exit 1 when they differ.

    Fees that fell behind usage or subscriptions are accrued. Nothing is issued before this has agreed.

    Example: billing invoices recompute --month 2026-10
    """
    runs, now = batch_wiring.invoice_book().runs, clock.now()
    fees, balances = batch_wiring.fee_books(), batch_wiring.balances()
    found = recompute_run(
        month,
        room=proof_wiring.evidence_room(),
        runs=runs,
        accrue=lambda behind: accrue_fees(fees, balances, now=now, accounts=fees.ids_of(behind)),
        now=now,
    )
    facts = {"month": str(month), "accounts": found.accounts, "events": found.events, "totals": found.totals}
    show({**facts, "fees": found.fees, "agrees": not found.differences}, as_json=as_json)
    require_agreement(found)


@app.command()
def approve(
    *, month: Month, by: Annotated[str, typer.Option("--by", help="Who approves.")], as_json: AsJson = False
) -> None:
    """Record a person's approval; the first one counts.

    Example: billing invoices approve --month 2026-10 --by "Asha Rao"
    """
    run = approve_run(month, by=by, runs=batch_wiring.invoice_book().runs, now=clock.now())
    show(_run_facts(run), as_json=as_json)


@app.command()
def issue(*, month: Month, as_json: AsJson = False) -> None:
    """Issue the approved drafts: numbers without a gap, invoices frozen, postpaid wallets settled.

    Example: billing invoices issue --month 2026-10
    """
    issued = issue_invoices(
        month,
        book=batch_wiring.invoice_book(),
        balances=batch_wiring.balances(),
        now=clock.now(),
    )
    facts = {
        "month": str(month),
        "issued": len(issued.numbers),
        "first_number": issued.numbers[0] if issued.numbers else None,
        "last_number": issued.numbers[-1] if issued.numbers else None,
        "redrafted": issued.redrafted,
        "removed": issued.removed,
        "failures": [asdict(failure) for failure in issued.failures],
    }
    show(facts, as_json=as_json)


@app.command("print")
def print_(*, month: Month, batch: BatchNumber = 0, of: BatchCount = 1, as_json: AsJson = False) -> None:
    """Write the PDFs of a batch of issued invoices; what lies there already, unchanged, is left alone.

    Example: billing invoices print --month 2026-10 --batch 0 --of 4
    """
    folder = batch_wiring.invoice_folder()
    printed = print_invoices(
        month,
        Batch(batch, of),
        invoices=batch_wiring.invoice_book().invoices,
        printer=batch_wiring.invoice_printer(),
        folder=folder,
        now=clock.now(),
    )
    facts = {"month": str(month), "batch": batch, "of": of, **asdict(printed), "folder": str(folder.root / str(month))}
    show(facts, as_json=as_json)


@app.command()
def summary(*, month: Month, as_json: AsJson = False) -> None:
    """Show where the run of a month stands: totals, approval, failures, printed copies.

    Example: billing invoices summary --month 2026-10
    """
    found = summarise_run(month, book=batch_wiring.invoice_book(), now=clock.now())
    facts = _summary_facts(found)
    if as_json:
        show(facts, as_json=True)
        return
    columns = ("currency", "invoices", "subtotal", "tax", "total", "prepaid")
    amounts = [
        {"status": status, **{name: row[name] for name in columns}}
        for status in ("drafts", "issued")
        for row in facts.pop(status)
    ]
    failures = facts.pop("failures")
    show({**facts, "failures": len(failures)}, as_json=False)
    show_rows(amounts, as_json=False, empty="no invoices")
    show_rows(failures, as_json=False, empty="every account with something due has its invoice")


@app.command("list")
def list_(*, month: Month, as_json: AsJson = False) -> None:
    """List the invoices of a month, drafts included.

    Example: billing invoices list --month 2026-10
    """
    rows = [dict(row) for row in batch_wiring.invoice_book().invoices.listing(month)]
    columns = ("number", "account", "status", "currency", "issue_date")
    short = [
        {**{name: row[name] for name in columns}, "total": format_minor(row["total_minor"], Currency(row["currency"]))}
        for row in rows
    ]
    show_rows(rows if as_json else short, as_json=as_json, empty=f"{month} has no invoices")


@app.command("show")
def show_(number: str, *, as_json: AsJson = False) -> None:
    """Show an issued invoice.

    Example: billing invoices show OTP/26-27/000001
    """
    found = batch_wiring.invoice_book().invoices.get(number)
    document = to_document(found.invoice)
    copy = {"pdf": found.copy.path if found.copy else None, "pdf_digest": found.copy.digest if found.copy else None}
    if as_json:
        show({**document, **copy}, as_json=True)
        return
    lines, taxes = document.pop("lines"), document.pop("taxes")
    for party in ("seller", "buyer"):
        document[party] = document[party]["legal_name"]
    amounts = _readable(document, "subtotal_minor", "tax_minor", "total_minor", "prepaid_minor")
    show({**document, **amounts, **copy}, as_json=False)
    show_rows([_line_row(line, found.invoice.currency) for line in lines], as_json=False, empty="")
    show_rows(taxes, as_json=False, empty="")


def _run_facts(run: InvoiceRun) -> dict[str, Any]:
    return {
        "month": str(run.month),
        "checked_at": run.checked_at.isoformat(),
        "approved_by": run.approved_by,
        "approved_at": run.approved_at.isoformat() if run.approved_at else None,
    }


def _summary_facts(found: RunSummary) -> dict[str, Any]:
    state = found.invoices
    return {
        "month": str(found.month),
        "started": found.run is not None,
        "approved_by": found.run.approved_by if found.run else None,
        "drafts": [_amount_row(amounts) for amounts in state.drafts],
        "issued": [_amount_row(amounts) for amounts in state.issued],
        "first_number": state.first_number,
        "last_number": state.last_number,
        "printed": state.printed,
        "late_lines": state.late_lines,
        "folder": str(batch_wiring.invoice_folder().root / str(found.month)),
        "failures": [asdict(failure) for failure in found.failures],
    }


def _amount_row(amounts: Amounts) -> dict[str, Any]:
    row = asdict(amounts)
    written = {
        name: format_minor(row[f"{name}_minor"], amounts.currency) for name in ("subtotal", "tax", "total", "prepaid")
    }
    return {**row, **written}


def _readable(row: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: format_minor(row[name], Currency(row["currency"])) for name in names}


def _line_row(line: dict[str, Any], currency: Currency) -> dict[str, Any]:
    return {
        "description": line["description"],
        "month": line["service_month"] + (" late" if line["late"] else ""),
        "events": line["event_count"],
        "unit_price": line["unit_price_text"],
        "amount": format_minor(line["amount_minor"], currency),
    }
