"""`billing invoices record-payment`: what customers paid of their invoices."""

from typing import Annotated

import typer

from cli.amounts import read_minor
from cli.output import AsJson, By, show
from connectors import clock, wallet_wiring
from domain.errors import InvalidInput

app = typer.Typer(no_args_is_help=True)


@app.command("record-payment")
def record_payment(
    number: Annotated[str, typer.Argument(help="The invoice's number.")],
    amount: Annotated[str, typer.Argument(help="What was paid, in the invoice's currency, e.g. 1180.00.")],
    reference: Annotated[str, typer.Argument(help="The bank's or the gateway's; recorded once.")],
    *,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Record what was paid of an invoice; an account that was suspended for it comes back by itself.

    Example: billing invoices record-payment OTP/26-27/000001 1180.00 UTR-88123 --by asha
    """
    minor = read_minor(amount)
    if not reference.strip():
        raise InvalidInput("reference: give the bank's or the gateway's")
    left = wallet_wiring.settlements().record(number, amount_minor=minor, reference=reference, by=by, at=clock.now())
    show({"invoice": number, "recorded_by": by, "open_minor": left}, as_json=as_json)
