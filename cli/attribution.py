"""`billing events` on attribution: why an event is on the account it is on."""

from typing import Annotated

import typer

from cli.output import AsJson, console, show
from connectors import wiring

app = typer.Typer()


@app.command("explain-attribution")
def explain_attribution(
    event_id: str,
    *,
    source: Annotated[str, typer.Option(help="The event's source.")] = "/otpless/core",
    as_json: AsJson = False,
) -> None:
    """Show which alias, account and payer an event was rated with, in which version of the truth, and who made that.

    Example: billing events explain-attribution 01J8Z3F2
    """
    rows = wiring.attribution_history().explain(event_id, source=source)
    if as_json:
        show({"event": event_id, "source": source, "booked": rows}, as_json=True)
        return
    for row in rows:
        show({name: "" if value is None else value for name, value in row.items()}, as_json=False)
        console.print()
