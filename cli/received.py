"""`billing events received`: payment and config events as they were received."""

from typing import Annotated

import typer

from cli.output import AsJson, show_rows
from connectors import wiring
from domain.receiving import Family


def received(
    *,
    family: Annotated[Family, typer.Option(help="Which family of events.")],
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show payment or config events that were received, newest first, with what became of them.

    Example: billing events received --family payment --limit 50
    """
    rows = wiring.received_events().newest(family, limit=limit)
    show_rows(rows, as_json=as_json, empty=f"no {family.value} events")
