"""`billing wallets top-up-rule set|show|stop` and `top-up-requests`: automatic top-ups."""

from typing import Annotated

import typer

from cli.output import AsJson, By, show, show_rows
from connectors import clock, wallet_wiring, wiring
from domain.top_up_rules import Method
from invoicing.administer import Author
from invoicing.write_top_up_rule import set_top_up_rule, stop_top_up_rule

app = typer.Typer(no_args_is_help=True)
rules = typer.Typer(help="Automatic top-ups of an account.", no_args_is_help=True)
app.add_typer(rules, name="top-up-rule")
Account = Annotated[str, typer.Argument(help="The account's code.")]


@rules.command("set")
def set_(
    account: Account,
    *,
    threshold: Annotated[str, typer.Option(help="Topped up when the balance is at or below it.")],
    amount: Annotated[str, typer.Option(help="By how much, before tax.")],
    monthly_limit: Annotated[str, typer.Option(help="At most so much a calendar month in India, before tax.")],
    method: Annotated[list[Method], typer.Option(help="How, the first choice first; may be given several times.")],
    cool_down_minutes: Annotated[int, typer.Option(help="Between one request and the next.", min=1, max=1440)] = 60,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Give a prepaid account a rule by which it is topped up, in place of the one it has.

    Example: billing wallets top-up-rule set acme --threshold 500 --amount 2000 --monthly-limit 9000 --method upi_mandate
    """
    document = {
        "threshold": threshold,
        "amount": amount,
        "monthly_limit": monthly_limit,
        "methods": [str(one) for one in method],
        "cool_down_minutes": cool_down_minutes,
    }
    set_top_up_rule(wiring.administration(), account, document, author=Author(by, clock.now()))
    show(wallet_wiring.top_up_rules().rule(account), as_json=as_json)


@rules.command("show")
def show_(account: Account, *, as_json: AsJson = False) -> None:
    """Show an account's rule, and what the last look at it found.

    Example: billing wallets top-up-rule show acme
    """
    show(wallet_wiring.top_up_rules().rule(account), as_json=as_json)


@rules.command("stop")
def stop(account: Account, *, by: By = "operator", as_json: AsJson = False) -> None:
    """End an account's rule; what it asked for and nobody answered yet is cancelled.

    Example: billing wallets top-up-rule stop acme --by asha
    """
    cancelled = stop_top_up_rule(wiring.administration(), account, author=Author(by, clock.now()))
    numbers = [one.request_id for one in cancelled]
    show({"account": account, "stopped_by": by, "cancelled_requests": numbers}, as_json=as_json)


@app.command("top-up-requests")
def requests(
    *,
    account: Annotated[str | None, typer.Option(help="Only those of an account.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was asked for automatically, the latest first, and what came of it.

    Example: billing wallets top-up-requests --account acme
    """
    show_rows(wallet_wiring.top_up_rules().requests(account), as_json=as_json, empty="nothing was asked for yet")
