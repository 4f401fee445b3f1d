"""Billing cycles: the periods a recurring charge is due for, by the calendar or by the day a subscription began.

Periods are half-open, begin at midnight in the account's time zone and are held in UTC. An anniversary on a day a month does
not have falls on its last day, and comes back to its own day afterwards: 31 January, 28 February, 31 March.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from domain.period import Period


class Interval(StrEnum):
    """How often a charge is due."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Anchor(StrEnum):
    """Where its periods begin."""

    CALENDAR = "calendar"
    """On the first of a month, of a calendar quarter, of January."""
    ANNIVERSARY = "anniversary"
    """On the day of the month the subscription began."""


MONTHS: Final = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}


@dataclass(frozen=True, slots=True)
class BillingCycle:
    """The endless row of periods of one charge of one subscription, as seen in a time zone."""

    interval: Interval
    first_day: date
    """A day on which a period begins; anniversaries keep its day of the month."""
    time_zone: ZoneInfo

    @classmethod
    def of(cls, interval: Interval, anchor: Anchor, *, began_at: datetime, time_zone: ZoneInfo) -> "BillingCycle":
        """The cycle of a subscription that began at an instant."""
        began = began_at.astimezone(time_zone).date()
        if anchor is Anchor.ANNIVERSARY:
            return cls(interval, began, time_zone)
        months = MONTHS[interval]
        return cls(interval, date(began.year, (began.month - 1) // months * months + 1, 1), time_zone)

    def period(self, number: int) -> Period:
        """The period of a number: 0 begins on the first day, earlier ones are below it."""
        return Period(self._start(number), self._start(number + 1))

    def overlapping(self, span: Period) -> Iterator[Period]:
        """The periods that have an instant in common with a span, in their order."""
        start = span.start.astimezone(self.time_zone).date()
        apart = (start.year - self.first_day.year) * 12 + start.month - self.first_day.month
        # The one before the month's own: an anniversary later in the month has not come yet.
        number = apart // MONTHS[self.interval] - 1
        while (period := self.period(number)).start < span.end:
            if period.end > span.start:
                yield period
            number += 1

    def _start(self, number: int) -> datetime:
        months = self.first_day.year * 12 + self.first_day.month - 1 + number * MONTHS[self.interval]
        year, month = divmod(months, 12)
        day = min(self.first_day.day, monthrange(year, month + 1)[1])
        return datetime(year, month + 1, day, tzinfo=self.time_zone).astimezone(UTC)
