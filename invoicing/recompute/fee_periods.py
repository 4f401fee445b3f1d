"""Periods of fees anew: months, quarters and years in a time zone, and what a part of one costs, in plain fractions."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from invoicing.recompute.prices import to_micros

MICROSECOND: Final = timedelta(microseconds=1)
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


class FeePeriod(NamedTuple):
    """From the midnight of a first day up to that of the day after the last, in an account's time zone."""

    first: date
    after: date
    start: datetime
    end: datetime

    @property
    def cell(self) -> str:
        """How books name it: "2026-10-01/2026-11-01"."""
        return f"{self.first}/{self.after}"

    def part(self, amount: Fraction, start: datetime, end: datetime) -> int:
        """What [start, end) of it costs, in micros, when the whole costs an amount.

        What it comes to up to the end less what it comes to up to the start, so that parts that meet add up.
        """
        return self._until(amount, end) - self._until(amount, start)

    def _until(self, amount: Fraction, moment: datetime) -> int:
        return to_micros(amount * Fraction((moment - self.start) // MICROSECOND, (self.end - self.start) // MICROSECOND))


def calendar_day(every: str, began: date) -> date:
    """A first day of the calendar's months, quarters or years. Raises KeyError for another interval."""
    step = _MONTHS[every]
    return date(began.year, began.month - (began.month - 1) % step, 1)


def periods(every: str, first_day: date, zone: ZoneInfo, *, start: datetime, end: datetime) -> Iterator[FeePeriod]:
    """The periods that have an instant in [start, end), in order, of those one of which begins on a first day."""
    step = _MONTHS[every]
    # Two periods before the first that may matter are few to pass over, and no time zone moves an instant as far.
    local = start.astimezone(zone).date()
    number = ((local.year - first_day.year) * 12 + local.month - first_day.month) // step - 2
    last = _day(first_day, number * step)
    while True:
        number += 1
        first, last = last, _day(first_day, number * step)
        period = FeePeriod(first, last, midnight(first, zone), midnight(last, zone))
        if period.start >= end:
            return
        if period.end > start:
            yield period


def due_month(due_at: datetime, zone: ZoneInfo) -> date:
    """The first day of the month whose invoice has what falls due at an instant: the month that ends there, or has it."""
    return (due_at - MICROSECOND).astimezone(zone).date().replace(day=1)


def _day(first_day: date, months: int) -> date:
    """The same day some months later; where that month is too short, its last."""
    year, month = divmod(first_day.year * 12 + first_day.month - 1 + months, 12)
    for day in range(first_day.day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, min(first_day.day, 28))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant a day begins at in a time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
