"""`billing accounts` on aliases: whom events name, and since when."""

from typing import Annotated

import typer

from cli.instants import instant
from cli.output import AsJson, By, show, show_rows
from connectors import clock, wiring
from domain.alias_spans import NamedSpan
from invoicing import name_accounts
from invoicing.administer import Author

app = typer.Typer()


@app.command("aliases")
def aliases(
    *,
    account: Annotated[str | None, typer.Option(help="Only those that name this account, at any time.")] = None,
    alias: Annotated[str | None, typer.Option(help="Only this alias.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Show whom aliases name, and when: from `since` up to but not including `until`.

    Example: billing accounts aliases --alias acme-web
    """
    rows = wiring.alias_reader().aliases(account=account, alias=alias, limit=limit)
    if not as_json:
        rows = [{**row, "since": row["since"] or "always", "until": row["until"] or "further notice"} for row in rows]
    show_rows(rows, as_json=as_json, empty="no such alias", limit=limit)


@app.command("map-alias")
def map_alias(
    alias: str,
    account: str,
    *,
    start: Annotated[str | None, typer.Option("--from", help="From this instant on, with a time zone.")] = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let an alias name an account, always or from a time on; events waiting for it can be released then.

    Example: billing accounts map-alias acme-web ACC-0007 --by asha
    """
    since = None if start is None else instant("from", start)
    author = Author(by, clock.now())
    mapped = name_accounts.map_alias(wiring.administration(), alias, account_code=account, start=since, author=author)
    show({"alias": alias, "account": account, "new": mapped}, as_json=as_json)


@app.command("move-alias")
def move_alias(
    alias: str,
    *,
    to: Annotated[str, typer.Option(help="The account it names from then on.")],
    at: Annotated[str, typer.Option(help="From this instant on, with a time zone.")],
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let an alias name another account from an instant on, by the time of events; refused when later ones are booked.

    Example: billing accounts move-alias acme-web --to ACC-0008 --at 2026-12-01T00:00:00+05:30 --by asha
    """
    author = Author(by, clock.now())
    change = name_accounts.move_alias(wiring.administration(), alias, to=to, at=instant("at", at), author=author)
    _show_change(change, as_json=as_json)


@app.command("end-alias")
def end_alias(
    alias: str,
    *,
    at: Annotated[str | None, typer.Option(help="From this instant on, with a time zone; now when left out.")] = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let an alias name nobody from an instant on; its events wait in quarantine then.

    Example: billing accounts end-alias acme-web --at 2026-12-01T00:00:00Z --by asha
    """
    now = clock.now()
    author = Author(by, now)
    moment = now if at is None else instant("at", at)
    _show_change(name_accounts.end_alias(wiring.administration(), alias, at=moment, author=author), as_json=as_json)


def _show_change(change: name_accounts.AliasChange, *, as_json: bool) -> None:
    facts = {"alias": change.alias, "before": _words(change.before), "after": [_words(span) for span in change.after]}
    show(facts, as_json=as_json)


def _words(span: NamedSpan) -> str:
    return f"{span.account} {span}"
