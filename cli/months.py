"""The --month option of every command that works on a billing month."""

from typing import Annotated

import typer

from domain.period import BillingMonth


def parse_month(text: str) -> BillingMonth:
    """ "2026-10" as a month; a usage error naming the form otherwise."""
    try:
        return BillingMonth.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


Month = Annotated[BillingMonth, typer.Option("--month", parser=parse_month, metavar="YYYY-MM", help="The billing month.")]
MaybeMonth = Annotated[
    BillingMonth | None,
    typer.Option("--month", parser=parse_month, metavar="YYYY-MM", help="One service month; all when left out."),
]
