"""Periods: half-open [start, end), in the account's time zone, held in UTC (DESIGN §7)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from zoneinfo import ZoneInfo

_MONTH = re.compile(r"(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class BillingMonth:
    """A calendar month; what it spans depends on the time zone it is read in."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2026-10", of the years 1970 to 2999. Raises ValueError naming the expected form."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise ValueError(f"billing month {text!r} is not of the form YYYY-MM, e.g. 2026-10, of the years 1970 to 2999")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, moment: datetime, time_zone: ZoneInfo) -> Self:
        """The month an instant falls in, as seen in a time zone."""
        local = moment.astimezone(time_zone)
        return cls(local.year, local.month)

    def next(self) -> Self:
        """The following month."""
        return type(self)(self.year + self.month // 12, self.month % 12 + 1)

    def previous(self) -> Self:
        """The month before."""
        return type(self)(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def span(self, time_zone: ZoneInfo) -> "Period":
        """The instants of this month in a time zone, in UTC."""
        after = self.next()
        return Period(
            datetime(self.year, self.month, 1, tzinfo=time_zone).astimezone(UTC),
            datetime(after.year, after.month, 1, tzinfo=time_zone).astimezone(UTC),
        )

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span of time in UTC: start is in, end is out."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError("a period needs times with a zone")
        if self.end <= self.start:
            raise ValueError(f"a period ends after it starts: {self.start} .. {self.end}")

    def contains(self, moment: datetime) -> bool:
        """True when start <= moment < end."""
        return self.start <= moment < self.end
