"""`billing accounts`: customers' accounts, their aliases and wallets."""

from typing import Annotated

import typer

from cli import account_keeping, account_tree, aliases
from cli.amounts import read_amount
from cli.output import AsJson, By, show, show_rows
from connectors import clock, wiring
from invoicing import administer

app = typer.Typer(help="Accounts, aliases, wallets and who pays for whom.", no_args_is_help=True)
app.add_typer(account_keeping.app)
app.add_typer(aliases.app)
app.add_typer(account_tree.app)


@app.command("list")
def list_accounts(
    *, limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50, as_json: AsJson = False
) -> None:
    """Show accounts with their balances.

    Example: billing accounts list --limit 10
    """
    show_rows(wiring.account_reader().accounts(limit=limit), as_json=as_json, empty="there are no accounts yet", limit=limit)


@app.command("top-up")
def top_up(
    account: str,
    amount: Annotated[str, typer.Argument(help="Pre-tax amount in the account's currency, e.g. 1000.00.")],
    reference: Annotated[str, typer.Argument(help="The payment's reference: credited once.")],
    *,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Credit a wallet, once per reference.

    Example: billing accounts top-up ACC-0007 1000.00 UTR-88123 --by asha
    """
    author = administer.Author(by, clock.now())
    credited = administer.top_up(
        wiring.administration(), account_code=account, amount=read_amount(amount), reference=reference, author=author
    )
    show({"account": account, "amount": amount, "reference": reference, "credited": credited}, as_json=as_json)
