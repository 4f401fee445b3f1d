"""Instants on the command line: ISO 8601, and the --from and --to of a half-open span [from, to)."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from domain.errors import InvalidInput
from domain.instants import YEAR_FIRST, YEAR_LAST


def instant(name: str, text: str) -> datetime:
    """Read "2026-11-01T00:00:00+05:30". Raises InvalidInput naming the option for anything else, or without a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{name}: {text!r} is not a time of the form 2026-11-01T00:00:00+05:30") from error
    if moment.utcoffset() is None:
        raise InvalidInput(f"{name}: {text!r} has no time zone: add one, e.g. +05:30 or Z")
    if not YEAR_FIRST <= moment.year <= YEAR_LAST:
        raise InvalidInput(f"{name}: {text!r} is not of the years {YEAR_FIRST} to {YEAR_LAST}: check the year")
    return moment


def parse_instant(text: str) -> datetime:
    """ "2026-10-12" or "2026-10-12T10:30+05:30" as an instant; UTC when no zone is given. A usage error otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date or time, e.g. 2026-10-12 or 2026-10-12T10:30+05:30") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


From = Annotated[
    datetime | None,
    typer.Option("--from", parser=parse_instant, metavar="TIME", help="Received at or after this time; UTC unless it says."),
]
To = Annotated[
    datetime | None, typer.Option("--to", parser=parse_instant, metavar="TIME", help="Received before this time.")
]
BookedFrom = Annotated[
    datetime | None,
    typer.Option("--from", parser=parse_instant, metavar="TIME", help="Booked at or after this time; UTC unless it says."),
]
BookedTo = Annotated[
    datetime | None, typer.Option("--to", parser=parse_instant, metavar="TIME", help="Booked before this time.")
]
