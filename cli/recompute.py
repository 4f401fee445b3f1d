"""`billing recompute`: the second rater, which computes charges anew from raw events."""

from typing import Annotated

import typer

from cli.months import Month
from cli.output import AsJson, console, show, show_rows
from connectors import clock, proof_wiring
from domain.errors import InvalidInput
from invoicing.recompute_accounts import Comparison, recompute_accounts, require_agreement

_ROWS_SHOWN = 20


def recompute(
    *,
    month: Month,
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="CODE", help="An account; may be given again.")
    ] = None,
    all_accounts: Annotated[bool, typer.Option("--all", help="Every account.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute a month's charges anew from raw events and compare them with the books; exit 1 when they differ.

    The second rater is written apart from the first: SQL over what producers reported, and prices in plain fractions. It
    compares every running total to the micro, those of fees that are due by now among them, and names the first difference.

    Example: billing recompute --account acme --month 2026-10
    """
    if bool(account) == all_accounts:
        raise InvalidInput("name accounts with --account, or take all with --all")
    found = recompute_accounts(month, account or None, room=proof_wiring.evidence_room(), now=clock.now())
    if as_json:
        show(_facts(found), as_json=True)
    else:
        show({name: value for name, value in _facts(found).items() if name != "differences"}, as_json=False)
        if found.differences:
            console.print()
            show_rows(found.rows()[:_ROWS_SHOWN], as_json=False, empty="")
    require_agreement(found)


def _facts(found: Comparison) -> dict[str, object]:
    return {
        "month": str(found.month),
        "accounts": found.accounts,
        "events": found.events,
        "totals": found.totals,
        "agrees": not found.differences,
        "amount_micros": dict(found.amount_micros),
        "fees": found.fees,
        "fees_micros": dict(found.fees_micros),
        "differences": found.rows(),
    }
