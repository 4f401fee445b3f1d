"""`billing accounts` on the tree: who stands above whom, who is invoiced, who pays."""

from dataclasses import asdict
from typing import Annotated

import typer

from cli.output import AsJson, By, show, show_rows
from connectors import batch_wiring, clock, wiring
from domain.errors import InvalidInput
from domain.money import decimal_from_micros
from invoicing import arrange_accounts
from invoicing.administer import Author

app = typer.Typer()


@app.command("tree")
def tree(
    code: Annotated[str | None, typer.Argument(help="Only this account and those below it.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show who stands above whom, on whose invoice usage goes, and whose wallet pays for it.

    Example: billing accounts tree ACC-0007
    """
    rows = [
        {"depth": depth, **asdict(account)} if as_json else {**asdict(account), "code": "  " * depth + account.code}
        for depth, account in wiring.account_tree_reader().tree().from_top(code)
    ]
    if not as_json:
        rows = [{name: "" if value is None else value for name, value in row.items()} for row in rows]
    show_rows(rows, as_json=as_json, empty="there are no accounts yet")


@app.command("set-parent")
def set_parent(
    code: str,
    parent: Annotated[str | None, typer.Argument(help="The account it is to stand below.")] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Let it stand below no account.")] = False,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let an account stand below another. Who is billed and who pays stays as it is.

    Example: billing accounts set-parent ACC-0008 ACC-0007 --by asha
    """
    if (parent is None) is not none:
        raise InvalidInput("parent: name the account, or say --none")
    author = Author(by, clock.now())
    _show(arrange_accounts.set_parent(wiring.administration(), code, parent=parent, author=author), as_json=as_json)


@app.command("set-bill-to")
def set_bill_to(code: str, bill_to: str, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Put an account's usage on the invoice of itself or of one above it, from the next draft on.

    Example: billing accounts set-bill-to ACC-0008 ACC-0007 --by asha
    """
    author = Author(by, clock.now())
    _show(arrange_accounts.set_bill_to(wiring.administration(), code, bill_to=bill_to, author=author), as_json=as_json)


@app.command("set-pay-from")
def set_pay_from(code: str, pay_from: str, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Let an account pay from the wallet of itself or of one above it, from the next batch on.

    What a postpaid account used and was not invoiced for yet moves to that wallet, too.

    Example: billing accounts set-pay-from ACC-0008 ACC-0007 --by asha
    """
    author = Author(by, clock.now())
    arranged = arrange_accounts.set_pay_from(wiring.administration(), code, pay_from=pay_from, author=author)
    # A repetition of this command, or the worker's next start, tells them again when Redis does not answer now.
    batch_wiring.balances().put(arranged.balances)
    _show(arranged, as_json=as_json)


def _show(arranged: arrange_accounts.Arranged, *, as_json: bool) -> None:
    facts = {
        "changed": [account.code for account in arranged.accounts],
        "moved": str(decimal_from_micros(arranged.moved_micros)),
    }
    show(facts, as_json=as_json)
