"""`billing wallets standing|override|alerts|...`: what accounts may do, and what they were warned of."""

from datetime import datetime
from typing import Annotated

import typer

from cli.amounts import read_amount
from cli.instants import parse_instant
from cli.output import AsJson, By, console, show, show_rows
from connectors import clock, metering_wiring, wallet_wiring
from domain.alert_follow_up import acknowledge, snooze
from domain.errors import InvalidInput
from domain.money import micros_from_decimal
from domain.suspension import State, override, printed_table
from invoicing.watch_wallets import watch_wallets

app = typer.Typer(no_args_is_help=True)
Account = Annotated[str, typer.Argument(help="The account's code.")]
AlertId = Annotated[int, typer.Argument(help="As `billing wallets alerts` shows it.")]
Until = Annotated[datetime, typer.Option("--until", parser=parse_instant, metavar="TIME", help="UTC unless it says.")]


@app.command("standing")
def standing(account: Account, *, as_json: AsJson = False) -> None:
    """Show what an account may do, and every standing it ever had.

    Example: billing wallets standing acme
    """
    standings = wallet_wiring.standings()
    now, history = standings.standing(account), standings.history(account)
    if as_json:
        show({**now, "history": history}, as_json=True)
        return
    show({name: value for name, value in now.items() if value is not None}, as_json=False)
    show_rows(history, as_json=False, empty="it was never looked at: it is active")


@app.command("states")
def states() -> None:
    """Print the states an account may be in, and what leads from one to another.

    Example: billing wallets states
    """
    console.print(printed_table())


@app.command("override")
def set_override(
    account: Account,
    state: Annotated[State, typer.Argument(help="active or suspended")],
    *,
    until: Until,
    reason: Annotated[str, typer.Option(help="Why: goes into the audit record.")],
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let an account count as active or suspended until a moment, whatever its credit says.

    Example: billing wallets override acme active --until 2026-12-01 --reason "paid by cheque" --by asha
    """
    now = clock.now()
    word = override(state, reason=reason, by=by, until=until, now=now)
    wallet_wiring.standings().set_override(account, word, by=by, at=now)
    _watch()
    show(wallet_wiring.standings().standing(account), as_json=as_json)


@app.command("end-override")
def end_override(account: Account, *, by: By = "operator", as_json: AsJson = False) -> None:
    """End a person's word: from now on the account's credit decides.

    Example: billing wallets end-override acme --by asha
    """
    wallet_wiring.standings().set_override(account, None, by=by, at=clock.now())
    _watch()
    show(wallet_wiring.standings().standing(account), as_json=as_json)


@app.command("set-terms")
def set_terms(
    account: Account,
    *,
    low: Annotated[str | None, typer.Option(help="Credit at or below it is low, in the account's currency.")] = None,
    grace_hours: Annotated[int | None, typer.Option(min=0, max=8784, help="How long service goes on after.")] = None,
    grace: Annotated[str | None, typer.Option(help="How far beyond its credit it may go meanwhile.")] = None,
    credit_limit: Annotated[str | None, typer.Option(help="Of a postpaid account: usage not yet invoiced.")] = None,
    suspend_overdue: Annotated[
        bool, typer.Option("--suspend-overdue", help="Suspend it, after the grace, for an invoice that is overdue.")
    ] = False,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Set how an account is treated; what is left out has its default.

    Example: billing wallets set-terms acme --low 500 --grace-hours 48 --grace 1000 --by asha
    """
    terms: dict[str, int | None] = {
        "low_level_micros": _micros("low", low),
        "grace_hours": grace_hours,
        "grace_micros": _micros("grace", grace),
        "credit_limit_micros": _micros("credit-limit", credit_limit),
        "suspend_overdue": suspend_overdue,
    }
    wallet_wiring.standings().set_terms(account, terms, by=by, at=clock.now())
    _watch()
    show({"account": account, **terms}, as_json=as_json)


@app.command("watch")
def watch(*, as_json: AsJson = False) -> None:
    """Look at every wallet that asked for it. The publisher beside each worker does this by itself, all the time.

    Example: billing wallets watch
    """
    show({"looks": _watch()}, as_json=as_json)


@app.command("alerts")
def alerts(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were taken up or are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show low-balance alerts, the latest first.

    Example: billing wallets alerts
    """
    show_rows(wallet_wiring.standings().alerts(everything=everything), as_json=as_json, empty="no alert is open")


@app.command("acknowledge-alert")
def acknowledge_alert(alert_id: AlertId, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Take an alert up: nobody else hears of it.

    Example: billing wallets acknowledge-alert 7 --by asha
    """
    standings, now = wallet_wiring.standings(), clock.now()
    with standings.begin() as connection:
        account, alert = standings.alert(connection, alert_id)
        standings.follow(connection, alert_id, acknowledge(alert, by=by), account=account, by=by, at=now)
    show({"alert": alert_id, "acknowledged_by": by}, as_json=as_json)


@app.command("snooze-alert")
def snooze_alert(alert_id: AlertId, *, until: Until, by: By = "operator", as_json: AsJson = False) -> None:
    """Put an alert off: nobody hears of it before a moment.

    Example: billing wallets snooze-alert 7 --until 2026-12-01 --by asha
    """
    standings, now = wallet_wiring.standings(), clock.now()
    with standings.begin() as connection:
        account, alert = standings.alert(connection, alert_id)
        snoozed = snooze(alert, until=until, now=now)
        standings.follow(connection, alert_id, snoozed, account=account, by=by, at=now)
    show({"alert": alert_id, "snoozed_until": until}, as_json=as_json)


def _watch() -> int:
    store, cache, looks = metering_wiring.wallet_watch(), metering_wiring.balance_cache(), 0
    while found := watch_wallets(store, cache, now=clock.now()).looks:
        looks += found
    store.close()
    return looks


def _micros(name: str, amount: str | None) -> int | None:
    if amount is None:
        return None
    value = read_amount(amount)
    if not value.is_finite() or not 0 <= value <= 1_000_000_000:
        raise InvalidInput(f"{name}: must be 0 to 1,000,000,000")
    try:
        return micros_from_decimal(value)
    except ValueError as error:
        raise InvalidInput(f"{name}: {error}") from error
