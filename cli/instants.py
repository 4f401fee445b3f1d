"""Instants on the command line: ISO 8601 with a time zone."""

from datetime import datetime

from domain.errors import InvalidInput


def instant(name: str, text: str) -> datetime:
    """Read "2026-11-01T00:00:00+05:30". Raises InvalidInput naming the option for anything else, or without a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{name}: {text!r} is not a time of the form 2026-11-01T00:00:00+05:30") from error
    if moment.utcoffset() is None:
        raise InvalidInput(f"{name}: {text!r} has no time zone: add one, e.g. +05:30 or Z")
    return moment
