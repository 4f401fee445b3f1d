"""`billing explain`: why an event or a line of an invoice comes to what it does."""

from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.output import AsJson, console, harmless, show
from connectors import proof_wiring
from domain.catalogue import Adjustment
from domain.errors import InvalidInput
from domain.invoice.due_usage import Billed
from domain.money import format_minor
from domain.pricing.step import Step, decimal_text, units_text
from invoicing.explain_charge import Explained, explain_event, explain_line
from invoicing.explanation_ports import BookedCharge, BookedLine

_WIDTH = 10


def explain(
    event_id: Annotated[str | None, typer.Argument(help="The event's id.")] = None,
    *,
    source: Annotated[str, typer.Option(help="The event's source.")] = "/otpless/core",
    invoice_line: Annotated[
        str | None, typer.Option("--invoice-line", metavar="NUMBER/LINE", help="A line of an issued invoice.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show meter, plan or contract, price, tier, arithmetic, and the running total before and after.

    Example: billing explain 01J8Z3F2
    Example: billing explain --invoice-line OTP/26-27/000001/1
    """
    facts = proof_wiring.explanations()
    if (event_id is None) == (invoice_line is None):
        raise InvalidInput("name an event, or a line with --invoice-line")
    if event_id is not None:
        times = facts.event(event_id, source=source)
        if as_json:
            show({"event": event_id, "source": source, "booked": [_event_facts(each) for each in times]}, as_json=True)
            return
        for each in times:
            _print_event(each)
        return
    number, _, line_number = (invoice_line or "").rpartition("/")
    if not number or not line_number.isdecimal():
        raise InvalidInput(f"--invoice-line: {invoice_line!r} is not a number and a line, e.g. OTP/26-27/000001/1")
    line = facts.line(number, int(line_number))
    if as_json:
        show(_line_facts(line), as_json=True)
    else:
        _print_line(line)


def _event_facts(booked: BookedCharge) -> dict[str, Any]:
    parts = explain_event(booked)
    return {
        "type": booked.event_type,
        "time": booked.event_time.isoformat(),
        "alias": booked.alias,
        "account": booked.account,
        "paid_by": booked.paid_by,
        "currency": str(booked.currency),
        "quantity_millionths": booked.quantity_millionths,
        "properties": dict(booked.properties),
        "config_version": booked.config_version,
        "booked_at": booked.booked_at.isoformat(),
        "parts": [part.facts() for part in parts],
        "amount_micros": sum(part.amount_micros for part in parts),
    }


def _line_facts(line: BookedLine) -> dict[str, Any]:
    return {
        "invoice": line.invoice,
        "line": line.line_number,
        "account": line.account,
        "currency": str(line.currency),
        "events": line.event_count,
        "quantity_millionths": line.quantity_millionths,
        "amount_minor": line.amount_minor,
        **explain_line(line).facts(),
    }


def _print_event(booked: BookedCharge) -> None:
    local = booked.event_time.astimezone(ZoneInfo(booked.time_zone))
    properties = ", ".join(f"{name} {value}" for name, value in booked.properties.items())
    _say("event", f"{booked.event_id} of {booked.source}, {booked.event_type}")
    _say("time", f"{local:%Y-%m-%d %H:%M:%S} {booked.time_zone}")
    _say("account", f"{booked.account}, by the alias {booked.alias}; paid by {booked.paid_by}")
    _say("reported", f"{units_text(booked.quantity_millionths)}{'; ' if properties else ''}{properties}")
    _say("booked", f"{booked.booked_at:%Y-%m-%d %H:%M:%S} UTC, by version {booked.config_version} of the configuration")
    parts = explain_event(booked)
    for number, part in enumerate(parts, 1):
        console.print(f"\n{number}. {part.title}", style="bold")
        _print_part(part, money=isinstance(booked.parts[number - 1].charge.billed, Adjustment))
    console.print()
    _say("together", f"{decimal_text(sum(part.amount_micros for part in parts))} {booked.currency}")
    console.print()


def _print_line(line: BookedLine) -> None:
    explained = explain_line(line)
    billed: Billed = line.charge.billed
    _say("line", f"{line.line_number} of {line.invoice}, {line.account}")
    console.print(f"\n{explained.title}", style="bold")
    _print_part(explained, money=isinstance(billed, Adjustment))
    if line.event_count:
        _say("events", f"{line.event_count:,}")
    _say("printed", f"{format_minor(line.amount_minor, line.currency)}, rounded once")


def _print_part(part: Explained, *, money: bool) -> None:
    _say("of", part.owner)
    for meter in part.meters:
        _say("meter", meter)
    _say("price", part.price)
    if part.under:
        _say("under", ", ".join(part.under))
    quantity = decimal_text if money else units_text
    _say("position", f"{part.position}: {quantity(part.before)} → {quantity(part.after)}")
    _print_steps("before", part.steps_before)
    _print_steps("after", part.steps_after)
    _say("comes to", decimal_text(part.amount_micros))
    if part.note:
        _say("note", part.note)


def _print_steps(name: str, steps: Sequence[Step]) -> None:
    for number, step in enumerate(steps):
        _say(name if number == 0 else "", str(step))
    if len(steps) > 1:
        _say("", f"= {decimal_text(sum(step.amount_micros for step in steps))}")


def _say(name: str, text: str) -> None:
    console.print(f"{name.ljust(_WIDTH)}{harmless(text)}")
