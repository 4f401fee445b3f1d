"""The --from and --to options: a half-open span of time, [from, to)."""

from datetime import UTC, datetime
from typing import Annotated

import typer


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
