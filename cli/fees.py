"""`billing fees`: what plans and contracts cost beside usage."""

from typing import Annotated, Any

import typer

from cli.output import AsJson, show, show_rows
from connectors import batch_wiring, clock
from domain.fees import FeeAmount, FeeKey
from domain.money import decimal_from_micros
from invoicing.accrue_fees import accrue_fees, preview_accrual
from invoicing.fee_ports import FeeDifference

app = typer.Typer(help="Recurring charges, one-time charges and commitments.", no_args_is_help=True)


@app.callback()
def fees() -> None:
    """Fees beside usage."""


@app.command()
def accrue(
    *,
    account: Annotated[list[str] | None, typer.Option(help="Only these; all that have fees when left out.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be booked, and book nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Book what every fee, and every month without usage, should come to by now, less what was booked. As often as wanted.

    Example: billing fees accrue --preview
    """
    books, now = batch_wiring.fee_books(), clock.now()
    accounts = None if account is None else books.ids_of(account)
    if preview:
        found = preview_accrual(books, now=now, accounts=accounts)
        rows = [row for one in found for row in (*_unused(one), *(_row(one, *amount) for amount in _in_order(one)))]
        show_rows(rows, as_json=as_json, empty="every fee is booked as far as it is due")
        return
    accrued = accrue_fees(books, batch_wiring.balances(), now=now, accounts=accounts)
    show({"accounts": accrued.accounts, "changed": len(accrued.changed)}, as_json=as_json)


def _unused(difference: FeeDifference) -> list[dict[str, Any]]:
    """Prices of months without usage, and the adjustments on them."""
    return [
        {
            "account": difference.account.code,
            "charge": part.place.charge_id,
            "period": f"without usage: {part.place.total_key.cell}",
            "invoice_month": f"{part.place.total_key.service_month:%Y-%m}",
            "amount": str(decimal_from_micros(part.amount_micros)),
        }
        for _, _, part in difference.unused
        if part.amount_micros
    ]


def _in_order(difference: FeeDifference) -> list[tuple[FeeKey, FeeAmount]]:
    return sorted(difference.amounts.items())


def _row(difference: FeeDifference, key: FeeKey, amount: FeeAmount) -> dict[str, Any]:
    return {
        "account": difference.account.code,
        "charge": key.charge_id,
        "period": key.price_cell,
        "invoice_month": f"{key.service_month:%Y-%m}",
        "amount": str(decimal_from_micros(amount.amount_micros)),
    }
