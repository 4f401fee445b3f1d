"""`billing events`: what was refused or waits, letting it go, and reading a topic again."""

import json
from typing import Annotated, Any, Literal

import typer

from cli import event_decisions, event_late, event_replays
from cli.event_advice import next_step
from cli.instants import From, To
from cli.output import AsJson, console, show, show_rows
from connectors import wiring
from invoicing.sending_again import Choice

app = typer.Typer(help="Events that were refused, wait for a person, or came late.", no_args_is_help=True)
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many to show.")]
After = Annotated[int, typer.Option("--after-id", min=0, help="Go on after the last id that was shown.")]
Summary = Annotated[bool, typer.Option("--summary", help="Only count them, by reason.")]
Alias = Annotated[str | None, typer.Option(help="Only of this alias.")]
Holding = Annotated[str | None, typer.Option("--alias", help="Only those whose bytes hold this text.")]
Reason = Annotated[str | None, typer.Option(help="Only with this reason code.")]
Topic = Annotated[str | None, typer.Option(help="Only from this topic.")]
State = Annotated[
    Literal["waiting", "accepted", "rejected", "all"], typer.Option(help="Those that wait, or that were decided about.")
]
Kind = Annotated[Literal["dead-letter", "quarantine", "conflict"], typer.Argument(help="Which list it is in.")]


@app.command("dead-letters")
def dead_letters(
    *,
    alias: Holding = None,
    reason: Reason = None,
    topic: Topic = None,
    start: From = None,
    end: To = None,
    after: After = 0,
    limit: Limit = 20,
    summary: Summary = False,
    as_json: AsJson = False,
) -> None:
    """Show events that cannot be read, newest first, with the reason their producer needs.

    Example: billing events dead-letters --reason quantity --from 2026-10-12 --summary
    """
    choice, events = Choice(alias=alias, reason=reason, topic=topic, start=start, end=end), wiring.refused_events()
    rows = events.counts("dead-letter", choice) if summary else events.dead_letters(choice, after=after, limit=limit)
    show_rows(rows, as_json=as_json, empty="no dead letters", limit=None if summary else limit)


@app.command()
def conflicts(
    *,
    alias: Holding = None,
    topic: Topic = None,
    start: From = None,
    end: To = None,
    after: After = 0,
    limit: Limit = 20,
    summary: Summary = False,
    as_json: AsJson = False,
) -> None:
    """Show events under the id of another event, newest first; --summary counts them by source.

    Example: billing events conflicts --from 2026-10-12
    """
    choice, events = Choice(alias=alias, topic=topic, start=start, end=end), wiring.refused_events()
    rows = events.counts("conflict", choice) if summary else events.conflicts(choice, after=after, limit=limit)
    show_rows(rows, as_json=as_json, empty="no conflicts", limit=None if summary else limit)


@app.command()
def quarantine(
    *,
    alias: Alias = None,
    reason: Reason = None,
    topic: Topic = None,
    start: From = None,
    end: To = None,
    state: State = "waiting",
    after: After = 0,
    limit: Limit = 20,
    summary: Summary = False,
    as_json: AsJson = False,
) -> None:
    """Show events that wait for a person, oldest first.

    Example: billing events quarantine --alias acme-web --reason too_late
    """
    choice, events = Choice(alias=alias, reason=reason, topic=topic, start=start, end=end), wiring.refused_events()
    if summary:
        rows = events.counts("quarantine", choice, state=state)
    else:
        rows = events.quarantine(choice, state=state, after=after, limit=limit)
    none = "nothing waits" if state == "waiting" else "there are none"
    show_rows(rows, as_json=as_json, empty=none, limit=None if summary else limit)


@app.command("show")
def show_event(kind: Kind, number: Annotated[int, typer.Argument(metavar="ID")], *, as_json: AsJson = False) -> None:
    """Show everything about one event: its bytes, where it came from, why it was refused, and what to do next.

    Example: billing events show quarantine 17
    """
    facts = wiring.refused_event_details().read(kind, number)
    facts["next_step"] = next_step(kind, facts)
    facts["payload"] = _as_text(facts.pop("payload"))
    other = facts.get("conflicts_with")
    if other is not None and "payload" in other:
        other["payload"] = _as_text(other["payload"])
    if as_json:
        show(facts, as_json=True)
        return
    facts.pop("conflicts_with", None)
    show({name: value for name, value in facts.items() if value is not None}, as_json=False)
    if kind == "conflict":
        console.print()
        show_rows(
            _side_by_side(facts["payload"], other), as_json=False, empty="the event booked before is not kept any more"
        )


def _as_text(payload: bytes) -> str:
    return bytes(payload).decode(errors="backslashreplace")


def _side_by_side(payload: str, other: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Field by field: the event booked before, and the one that conflicts with it."""
    if other is None:
        return []
    mine = _fields(payload)
    if "payload" in other:
        booked = _fields(other["payload"])
    else:
        whole, millionths = divmod(other["quantity_millionths"], 1_000_000)
        properties = json.loads(other["properties"])
        booked = {"subject": other["alias"], "type": other["meter"], "time": other["time"].isoformat()}
        booked |= {
            "quantity": f"{whole}.{millionths:06}".rstrip("0").rstrip("."),
            **{k: str(v) for k, v in properties.items()},
        }
    rows = [
        {"field": name, "booked": booked.get(name, ""), "conflicting": mine.get(name, "")} for name in {**booked, **mine}
    ]
    rows = [
        {**row, "differs": "" if row["booked"] == row["conflicting"] or row["field"] == "time" else "yes"} for row in rows
    ]
    return [*rows, {"field": "state", "booked": other["state"], "conflicting": "conflict", "differs": ""}]


def _fields(payload: str) -> dict[str, str]:
    event = json.loads(payload, parse_float=str)
    data = {"quantity": 1, **event.get("data", {})}
    return {name: str(value) for name, value in {**{n: event[n] for n in ("subject", "type", "time")}, **data}.items()}


for _command in event_decisions.COMMANDS + event_replays.COMMANDS + event_late.COMMANDS:
    app.command()(_command)
