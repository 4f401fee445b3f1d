"""Proration: the share of a period that a part of it is, exactly, and amounts whose parts add up to the whole.

An amount accrues over its period as a running total does over usage: a part from a to b comes to
amount(period start .. b) − amount(period start .. a), each rounded once. So however a period is cut, its parts add up to
the amount, to the last micro, and two parts that meet come to what they come to as one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.money import divide_half_away_from_zero
from domain.period import Period

_MICROSECOND: Final = timedelta(microseconds=1)
SHARE_SCALE: Final = 1_000_000
"""Shares are written in millionths of a period."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a period: what it is of the whole, and how an amount for the whole is spread over it."""

    period: Period
    part: Period

    def __post_init__(self) -> None:
        if not self.period.start <= self.part.start < self.part.end <= self.period.end:
            raise ValueError(f"{self.part.start} .. {self.part.end} is no part of {self.period.start} .. {self.period.end}")

    def of(self, amount: int) -> int:
        """The part's share of a whole amount; whole units of whatever the amount is in (micros, millionths)."""
        return self._until(amount, self.part.end) - self._until(amount, self.part.start)

    @property
    def millionths(self) -> int:
        """The share itself; the parts of a period add up to a million."""
        return self.of(SHARE_SCALE)

    def _until(self, amount: int, moment: datetime) -> int:
        elapsed = (moment - self.period.start) // _MICROSECOND
        return divide_half_away_from_zero(amount * elapsed, (self.period.end - self.period.start) // _MICROSECOND)
