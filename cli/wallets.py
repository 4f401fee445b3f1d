"""`billing wallets`: balances, what is reserved, and their copy in Redis."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer

from cli import holds, payments, standings, top_up_rules, wallet_keeping
from cli.amounts import read_amount
from cli.instants import parse_instant
from cli.output import AsJson, By, show, show_rows
from connectors import clock, hold_wiring, metering_wiring, wallet_wiring
from domain.credit_lots import PRIORITY_DEFAULT, LotKind
from domain.money import decimal_from_micros
from invoicing.administer import Author
from invoicing.expire_credits import expire_credits
from invoicing.grant_credit import Grant, grant_credit
from invoicing.refill_balances import refill_balances
from invoicing.sweep_cache import sweep_cache

app = typer.Typer(help="Wallets, what is reserved, and their copy in Redis.", no_args_is_help=True)
app.add_typer(holds.app)
app.add_typer(payments.app)
app.add_typer(standings.app)
app.add_typer(top_up_rules.app)
app.add_typer(wallet_keeping.app)
Account = Annotated[str, typer.Argument(help="The account's code.")]
_STATEMENT: Final = timedelta(days=31)


@app.command("refill-cache")
def refill_cache(*, as_json: AsJson = False) -> None:
    """Tell Redis the balance of every wallet; safe while workers run, an older balance never replaces a newer one.

    The publisher beside each worker does this by itself within seconds when Redis was restarted or emptied.

    Example: billing wallets refill-cache
    """
    store, cache = metering_wiring.metering_store("refill"), metering_wiring.balance_cache()
    try:
        show({"balances_told": refill_balances(store, cache, always=True)}, as_json=as_json)
    finally:
        store.close()
        cache.close()


@app.command("sweep-cache")
def sweep(*, as_json: AsJson = False) -> None:
    """Compare every balance, standing and reservation in Redis with the books, and put right what differs.

    Safe while workers run. Ends with 1 when something was there that cannot come from the books.

    Example: billing wallets sweep-cache
    """
    swept = sweep_cache(hold_wiring.credit_books(), metering_wiring.balance_cache(), metering_wiring.holds())
    show(asdict(swept), as_json=as_json)
    if swept.ahead or swept.different:
        raise typer.Exit(1)


@app.command("statement")
def statement(
    account: Account,
    *,
    start: Annotated[
        datetime | None,
        typer.Option("--from", parser=parse_instant, metavar="TIME", help="The first moment; 31 days before the end."),
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", parser=parse_instant, metavar="TIME", help="The moment after the last; now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a wallet's movements in a period, the last 31 days unless it is said, between its opening and closing balance.

    Usage is summed up by day.

    Example: billing wallets statement acme --from 2026-11-01T00:00+05:30 --to 2026-12-01T00:00+05:30
    """
    end = end or clock.now()
    found = wallet_wiring.statements().statement(account, start=start or end - _STATEMENT, end=end)
    lines = [asdict(line) for line in found.lines]
    if as_json:
        show({**asdict(found), "lines": lines}, as_json=True)
        return
    ends = {"opening": found.opening_micros, "closing": found.closing_micros}
    show({name: f"{decimal_from_micros(micros):,} {found.currency}" for name, micros in ends.items()}, as_json=False)
    for line in lines:
        for name in ("amount", "balance_after"):
            line[name] = decimal_from_micros(line.pop(f"{name}_micros"))
    show_rows(lines, as_json=False, empty="nothing moved")


@app.command("lots")
def lots(
    account: Account,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are used up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a wallet's credit is made of, in the order it is used in.

    Example: billing wallets lots acme
    """
    rows = wallet_wiring.statements().lots(account, also_used_up=everything)
    show_rows(rows, as_json=as_json, empty="no credit is left")


@app.command("grant")
def grant(
    account: Account,
    amount: Annotated[str, typer.Argument(help="Pre-tax amount in the account's currency, e.g. 100.00.")],
    reference: Annotated[str, typer.Argument(help="Granted once for each reference.")],
    *,
    reason: Annotated[str, typer.Option(help="Why: goes into the audit record.")],
    promotional: Annotated[bool, typer.Option("--promotional", help="Used before other grants.")] = False,
    expires: Annotated[
        datetime | None, typer.Option(parser=parse_instant, metavar="TIME", help="From when it is void.")
    ] = None,
    priority: Annotated[int, typer.Option(help="0 is used first, 100 last.")] = PRIORITY_DEFAULT,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Give credit without payment, once for each reference.

    Example: billing wallets grant acme 100.00 LAUNCH-26 --reason "launch offer" --promotional --expires 2027-01-01
    """
    kind = LotKind.PROMOTIONAL if promotional else LotKind.GRANTED
    given = Grant(account, read_amount(amount), reference, reason, kind, expires, priority)
    balance = grant_credit(wallet_wiring.wallets(), given, author=Author(by, clock.now()))
    if balance is not None:
        metering_wiring.balance_cache().put([balance])
    show({"account": account, "reference": reference, "granted": balance is not None}, as_json=as_json)


@app.command("expire")
def expire(*, as_json: AsJson = False) -> None:
    """Take what is left of credit whose day has come out of the wallets; once, however often this runs.

    Example: billing wallets expire
    """
    expired = expire_credits(wallet_wiring.wallets(), metering_wiring.balance_cache(), now=clock.now())
    show(asdict(expired), as_json=as_json)
