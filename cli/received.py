"""`billing events received`: payment and config events as they were received."""

from typing import Annotated, Any

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
    if family is Family.CONFIG and not as_json:
        rows = [_for_a_person(row) for row in rows]
    show_rows(rows, as_json=as_json, empty=f"no {family.value} events", limit=limit)


def _for_a_person(row: dict[str, Any]) -> dict[str, Any]:
    """What was changed, by whom, what became of it, and why not."""
    names = ("id", "type", "subject", "handled_as", "source", "event_id", "received_at")
    errors = [f"{error['field']}: {error['reason']}" if error["field"] else error["reason"] for error in row["errors"] or ()]
    return {**{name: row[name] for name in names}, "errors": "; ".join(errors)}
