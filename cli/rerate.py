"""`billing rerate`: what a back-dated change of plan or contract makes of usage that is booked already."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from cli.instants import parse_instant
from cli.output import AsJson, By, console, show, show_rows
from connectors import clock, metering_wiring, proof_wiring
from domain.money import decimal_from_micros
from invoicing.administer import Author
from invoicing.rerate_usage import Outcome, preview_rerating, rerate_usage


def rerate(
    *,
    account: Annotated[str, typer.Option("--account", metavar="CODE", help="Whose usage.")],
    since: Annotated[
        datetime, typer.Option("--from", parser=parse_instant, metavar="TIME", help="From when on the change is; UTC.")
    ],
    book: Annotated[bool, typer.Option("--book", help="Book it; without, only show what would be booked.")] = False,
    why: Annotated[str, typer.Option("--why", help="Goes into the audit record.")] = "",
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Rate an account's usage anew by the present plans and contracts, and book what differs, in months not invoiced yet.

    Nothing is edited: old parts of events are given back, new ones booked, and the wallet gets or pays the difference.

    Example: billing rerate --account acme --from 2026-10-01 --book --why "plan agreed on the 1st" --by asha
    """
    store = proof_wiring.rerating()
    if book:
        author = Author(by, clock.now())
        balances = metering_wiring.balance_cache()
        outcome = rerate_usage(account, since, store=store, balances=balances, author=author, why=why)
    else:
        outcome = preview_rerating(account, since, store=store)
    if as_json:
        show({**asdict(outcome), "booked": book}, as_json=True)
        return
    _print(outcome, booked=book)


def _print(outcome: Outcome, *, booked: bool) -> None:
    rows = [
        {
            "account": change.account,
            "month": change.month,
            "charge": change.charge,
            "price": change.price,
            "events": f"{change.events_before:,} → {change.events_after:,}",
            "amount": f"{_units(change.amount_micros_before)} → {_units(change.amount_micros_after)}",
        }
        for change in outcome.changes
    ]
    show_rows(rows, as_json=False, empty="everything is rated as the present plans and contracts say")
    console.print()
    facts: dict[str, Any] = {
        "account": outcome.account,
        "events": f"{outcome.events:,} looked at, {outcome.moved:,} rated anew",
        "without a subscription": outcome.unpriced,
        "difference": f"{_units(outcome.difference_micros)} {outcome.currency}",
        "booked": "yes" if booked else "no: add --book",
    }
    show(facts, as_json=False)


def _units(micros: int) -> str:
    return f"{decimal_from_micros(micros):,f}"
