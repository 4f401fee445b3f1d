"""`billing events`: what could not be booked, and letting it go again."""

from typing import Annotated

import typer

from cli.output import AsJson, show, show_rows
from connectors import clock, wiring
from invoicing.release_quarantine import release_quarantine

app = typer.Typer(help="Events that were refused or wait for a person.", no_args_is_help=True)
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many to show.")]
Alias = Annotated[str | None, typer.Option(help="Only of this alias.")]


@app.command("dead-letters")
def dead_letters(
    *,
    reason: Annotated[str | None, typer.Option(help="Only with this reason code.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show events that cannot be read, newest first, with the reason their producer needs.

    Example: billing events dead-letters --reason quantity
    """
    rows = wiring.refused_events().dead_letters(reason=reason, limit=limit)
    show_rows(rows, as_json=as_json, empty="no dead letters")


@app.command()
def conflicts(*, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show events under the id of another event, newest first.

    Example: billing events conflicts
    """
    show_rows(wiring.refused_events().conflicts(limit=limit), as_json=as_json, empty="no conflicts")


@app.command()
def quarantine(*, alias: Alias = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show events that wait for a person, oldest first.

    Example: billing events quarantine --alias acme-web
    """
    rows = wiring.refused_events().quarantine(alias=alias, limit=limit)
    show_rows(rows, as_json=as_json, empty="nothing waits")


@app.command()
def release(
    *,
    alias: Alias = None,
    reason: Annotated[str | None, typer.Option(help="Only what waits for this reason.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send waiting events through metering again: after mapping their alias, or publishing their price.

    Example: billing events release --alias acme-web
    """
    sent = release_quarantine(wiring.refused_events(), wiring.resender(), alias=alias, reason=reason, now=clock.now())
    show({"released": sent}, as_json=as_json)
