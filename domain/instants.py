"""Instants as documents say them: RFC 3339 with a time zone, of years that can be meant."""

from datetime import datetime
from typing import Final

from domain.fields import Fields, but_is

YEAR_FIRST: Final = 1970
YEAR_LAST: Final = 2999
"""Of instants anybody may mean; beyond the calendar's ends, an instant has no time in another zone."""


def read_instant(fields: Fields, name: str, *, required: bool = False) -> datetime | None:
    """An instant with its zone; None when it is not said, or wrong and remembered as a fault."""
    value = fields.take(name)
    if value is None and not required:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value.upper() else None
        if moment is not None and moment.utcoffset() is not None and YEAR_FIRST <= moment.year <= YEAR_LAST:
            return moment
    except (ValueError, OverflowError):
        pass
    years = f"of the years {YEAR_FIRST} to {YEAR_LAST}"
    fields.fault(name, f"must be an instant {years} with its time zone, e.g. 2026-12-01T00:00:00+05:30{but_is(value)}")
    return None
