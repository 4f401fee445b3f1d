"""`billing fees`: what plans and contracts cost beside usage."""

import typer

from cli.output import AsJson, show
from connectors import batch_wiring, clock
from invoicing.accrue_fees import accrue_fees

app = typer.Typer(help="Recurring charges, one-time charges and commitments.", no_args_is_help=True)


@app.callback()
def fees() -> None:
    """Fees beside usage."""


@app.command()
def accrue(*, as_json: AsJson = False) -> None:
    """Book what every fee should come to by now, less what was booked of it. May run at any time and as often as wanted.

    Example: billing fees accrue
    """
    accrued = accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=clock.now())
    show({"accounts": accrued.accounts, "changed": accrued.changed}, as_json=as_json)
