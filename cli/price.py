"""`billing price`: what usage would come to under a plan file, without a database."""

import json
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.instants import instant
from cli.output import faults_of
from connectors import wiring
from domain.catalogue import Aggregation
from domain.errors import InvalidInput
from domain.plans import read_plan
from domain.plans.quote_lines import quote
from domain.plans.quoted_usage import read_usage

app = typer.Typer(help="Quotes of plan files.", no_args_is_help=True)


@app.callback()
def price() -> None:
    """Quotes of plan files."""


@app.command("quote")
def quote_usage(
    *,
    plan: Annotated[Path, typer.Option(help="A plan document: .yaml, .yml or .json.")],
    usage: Annotated[Path, typer.Option(help="Events or totals: .yaml, .yml, .json or .csv (docs/plans.md).")],
    time_zone: Annotated[str, typer.Option(help="The account's time zone, which says when months begin.")] = "Asia/Kolkata",
    start: Annotated[
        str | None,
        typer.Option("--from", help="When the subscription begins; without it, with the month of the first usage."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The answer is always JSON.", hidden=True)] = True,
) -> None:
    """Print lines, totals and their arithmetic as JSON, by the functions the worker rates with.

    Example: billing price quote --plan plans/otp-india.yaml --usage usage.csv
    """
    starts_at = None if start is None else instant("--from", start)
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, e.g. America
        raise InvalidInput(f"--time-zone: {time_zone!r} is not a time zone, e.g. Asia/Kolkata") from error
    with faults_of(plan):
        document = read_plan(wiring.read_plan_file(plan))
    measured = {
        meter.measured for charge in document.usage for meter in charge.meters if meter.aggregation is not Aggregation.UNIQUE
    }
    with faults_of(usage):
        entries = read_usage(wiring.read_usage_file(usage), measured=measured, is_table=usage.suffix.lower() == ".csv")
        said = quote(document, entries, time_zone=zone, starts_at=starts_at)
    typer.echo(json.dumps(said.document(), ensure_ascii=False))
