"""`billing accounts`: customers' accounts, their aliases and wallets."""

from typing import Annotated

import typer

from cli import account_keeping, account_tree, aliases
from cli.output import AsJson, show_rows
from connectors import wiring

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
