"""`billing simulate-plan`: what past usage would have come to under a plan, before it is published."""

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.months import parse_month
from cli.output import AsJson, console, show, show_rows
from connectors import clock, proof_wiring, wiring
from domain.errors import InvalidInput
from domain.money import decimal_from_micros
from domain.period import BillingMonth
from invoicing.simulate_plan import AccountResult, Chosen, SimulatedPlan, simulate_plan

_ROWS_SHOWN = 50
_From = Annotated[BillingMonth, typer.Option("--from", parser=parse_month, metavar="YYYY-MM", help="The first month.")]
_To = Annotated[
    BillingMonth | None,
    typer.Option("--to", parser=parse_month, metavar="YYYY-MM", help="The last month; the first when left out."),
]


def simulate(
    *,
    plan: Annotated[Path, typer.Option("--plan", help="A plan document: .yaml, .yml or .json.")],
    first: _From,
    last: _To = None,
    accounts: Annotated[
        list[str] | None, typer.Option("--accounts", metavar="CODE", help="An account; may be given again.")
    ] = None,
    plan_code: Annotated[
        str | None, typer.Option("--plan-code", metavar="CODE", help="Accounts on any version of this plan.")
    ] = None,
    all_accounts: Annotated[bool, typer.Option("--all", help="Every account.")] = False,
    as_json: AsJson = False,
) -> None:
    """Price past usage and fees by a plan that is not published, beside what they came to. Nothing is written.

    Usage is that of whole service months, beside what was booked. Fees are those whose period begins in the months, and
    commitments those whose period lies in them, as far as they are due by now.

    Example: billing simulate-plan --plan plans/otp-india.yaml --plan-code otp-india --from 2026-08 --to 2026-10
    """
    if not (accounts or plan_code or all_accounts):
        raise InvalidInput("name accounts with --accounts, those of a plan with --plan-code, or take all with --all")
    chosen = Chosen(first, last or first, accounts or None, plan_code)
    found = simulate_plan(wiring.read_plan_file(plan), chosen, room=proof_wiring.past_room(), now=clock.now())
    if as_json:
        show(_facts(found), as_json=True)
    else:
        _print(found)


def _facts(found: SimulatedPlan) -> dict[str, Any]:
    return {
        "plan": found.plan,
        "currency": str(found.currency),
        "accounts": [_row(each) for each in found.accounts],
        "total": _row(found.total()),
        "unpriced": dict(found.unpriced),
        "left_out": dict(found.left_out),
        "implied_meters": list(found.implied_meters),
    }


def _row(result: AccountResult) -> dict[str, Any]:
    sums = ("old_total_micros", "new_total_micros", "difference_micros")
    return {**asdict(result), **{name: getattr(result, name) for name in sums}}


def _print(found: SimulatedPlan) -> None:
    # The greatest changes first: they are what a person looks for.
    ranked = sorted(found.accounts, key=lambda each: (-abs(each.difference_micros), each.account))
    rows = [_shown(each) for each in ranked[:_ROWS_SHOWN]]
    if rows:
        rows.append(_shown(found.total()))
    show_rows(rows, as_json=False, empty="none of these accounts can be on the plan")
    if len(ranked) > _ROWS_SHOWN:
        console.print(f"\n{len(ranked) - _ROWS_SHOWN:,} more accounts are in the total: --json lists them all")
    if rows and not found.total().events:
        console.print("\nNone of these accounts used anything in these months.")
    for event_type, events in found.unpriced.items():
        console.print(f"\n{events:,} events of type {event_type} have no price in it and would wait")
    for meter in found.implied_meters:
        console.print(f"\nmeter {meter} is not published: taken to sum up events of that type")
    for account, reason in found.left_out.items():
        console.print(f"\n{account} is left out: {reason}")


def _shown(result: AccountResult) -> dict[str, Any]:
    change = ""
    if result.old_total_micros:
        change = f"{Decimal(result.difference_micros * 100) / abs(result.old_total_micros):+,.1f} %"
    return {
        "account": result.account,
        "events": f"{result.events:,}",
        "booked": f"{decimal_from_micros(result.old_micros):,f}",
        "simulated": f"{decimal_from_micros(result.new_micros):,f}",
        "fees": f"{decimal_from_micros(result.old_fees_micros):,f}",
        "fees simulated": f"{decimal_from_micros(result.new_fees_micros):,f}",
        "difference": f"{decimal_from_micros(result.difference_micros):+,f}",
        "change": change,
    }
