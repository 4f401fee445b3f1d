"""`billing accounts`: customers' accounts, their aliases and wallets."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from cli.output import AsJson, show, show_rows
from connectors import clock, wiring
from domain.errors import InvalidInput
from invoicing import administer

app = typer.Typer(help="Accounts, aliases and wallets.", no_args_is_help=True)
By = Annotated[str, typer.Option("--by", help="Who does this: goes into the audit record.")]


@app.command("list")
def list_accounts(
    *, limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50, as_json: AsJson = False
) -> None:
    """Show accounts with their balances.

    Example: billing accounts list --limit 10
    """
    show_rows(wiring.account_reader().accounts(limit=limit), as_json=as_json, empty="there are no accounts yet")


@app.command("map-alias")
def map_alias(alias: str, account: str, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Let an alias name an account; events waiting for it can be released then.

    Example: billing accounts map-alias acme-web ACC-0007 --by asha
    """
    author = administer.Author(by, clock.now())
    mapped = administer.map_aliases(wiring.administration(), {alias: account}, author=author)
    show({"alias": alias, "account": account, "new": bool(mapped)}, as_json=as_json)


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
    try:
        value = Decimal(amount)
    except InvalidOperation as error:
        raise InvalidInput(f"amount: {amount!r} is not a number, e.g. 1000.00") from error
    author = administer.Author(by, clock.now())
    credited = administer.top_up(
        wiring.administration(), account_code=account, amount=value, reference=reference, author=author
    )
    show({"account": account, "amount": amount, "reference": reference, "credited": credited}, as_json=as_json)
