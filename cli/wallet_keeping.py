"""`billing wallets list|open|pay-for|close|transfer`: an account's further wallets, and credit between its wallets."""

from typing import Annotated

import typer

from cli.amounts import read_amount
from cli.output import AsJson, By, show, show_rows
from connectors import clock, metering_wiring, wallet_wiring, wiring
from invoicing.administer import Author
from invoicing.keep_wallets import NewWallet, close_wallet, open_wallet, set_purposes
from invoicing.transfer_credit import Transfer, transfer_credit

app = typer.Typer(no_args_is_help=True)
Wallet = Annotated[str, typer.Argument(help="The wallet's code: account/name.")]
Meters = Annotated[list[str], typer.Option("--for", help="A meter whose events it pays for; again for another.")]


@app.command("list")
def list_wallets(
    account: Annotated[str | None, typer.Argument(help="The account's code; without it, all that have several.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List wallets with what each holds, may do, and pays for.

    Example: billing wallets list acme
    """
    show_rows(wallet_wiring.wallet_list().wallets(account), as_json=as_json, empty="no account has several wallets")


@app.command("open")
def open_further(
    account: Annotated[str, typer.Argument(help="The account's code.")],
    name: Annotated[str, typer.Argument(help="The wallet's name: small letters, digits and hyphens.")],
    *,
    pays_for: Meters,
    currency: Annotated[str | None, typer.Option(help="The account's; another is refused.")] = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Open a further wallet of a prepaid account, which pays for the events that some meters count.

    From now on, it is named account/name wherever a wallet's account is named: in payments, grants, statements, terms.

    Example: billing wallets open acme whatsapp --for whatsapp.delivered
    """
    new = NewWallet(account, name, frozenset(pays_for), currency)
    is_new = open_wallet(wiring.administration(), new, author=Author(by, clock.now()))
    show({"wallet": new.code, "account": account, "pays_for": sorted(new.pays_for), "opened": is_new}, as_json=as_json)


@app.command("pay-for")
def pay_for(
    wallet: Wallet,
    meters: Annotated[list[str] | None, typer.Argument(help="Meters; none at all: the account's own wallet pays.")] = None,
    *,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let a further wallet pay for the events of these meters from now on, in place of those it pays for.

    Example: billing wallets pay-for acme/whatsapp whatsapp.delivered whatsapp.sessions
    """
    chosen = set(meters or ())
    changed = set_purposes(wiring.administration(), wallet, chosen, author=Author(by, clock.now()))
    show({"wallet": wallet, "pays_for": sorted(chosen), "changed": changed}, as_json=as_json)


@app.command("close")
def close(wallet: Wallet, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Close a further wallet with nothing in it; the account's own pays from now on for what it paid for.

    Example: billing wallets close acme/whatsapp
    """
    closed = close_wallet(wiring.administration(), wallet, author=Author(by, clock.now()))
    show({"wallet": wallet, "closed": closed}, as_json=as_json)


@app.command("transfer")
def transfer(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The wallet that gives.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Another wallet of the same account.")],
    amount: Annotated[str, typer.Argument(help="In the account's currency, e.g. 100.00; at most what the wallet holds.")],
    reference: Annotated[str, typer.Argument(help="Transferred once for each reference.")],
    *,
    reason: Annotated[str, typer.Option(help="Why: goes into the audit record.")],
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Move credit between two wallets of an account, once for each reference; it keeps its kind and expiry.

    Example: billing wallets transfer acme acme/whatsapp 500.00 2026-11-A --reason "campaign in December"
    """
    wanted = Transfer(source, target, read_amount(amount), reference, reason)
    balances = transfer_credit(wallet_wiring.wallets(), wanted, author=Author(by, clock.now()))
    if balances:
        metering_wiring.balance_cache().put(balances)
    show({"from": source, "to": target, "reference": reference, "transferred": bool(balances)}, as_json=as_json)
