"""Wording: dates, months, places, rates and quantities as an invoice prints them."""

from calendar import monthrange
from datetime import date
from typing import Final

from domain.invoice.model import Party
from domain.money import FORMATS, Currency, group_digits
from domain.period import BillingMonth
from domain.tax.states import STATES

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MILLIONTHS: Final = 1_000_000


def day_text(day: date | None) -> str:
    """A calendar date: "5 Nov 2026"; a dash when there is none yet."""
    return "–" if day is None else f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"


def month_text(month: BillingMonth) -> str:
    """A service month: "Oct 2026"."""
    return f"{_MONTHS[month.month - 1][:3]} {month.year}"


def days_text(first: date, last: date) -> str:
    """Days from the first to the last: "1 – 30 Nov 2026", "15 Oct – 14 Nov 2026", "15 Dec 2026 – 14 Jan 2027"."""
    if first.year != last.year:
        return f"{day_text(first)} – {day_text(last)}"
    month = "" if first.month == last.month else f" {_MONTHS[first.month - 1][:3]}"
    return f"{first.day}{month} – {day_text(last)}"


def period_text(month: BillingMonth) -> str:
    """A billing month as the days it spans: "1 – 31 October 2026"."""
    last_day = monthrange(month.year, month.month)[1]
    return f"1 – {last_day} {_MONTHS[month.month - 1]} {month.year}"


def state_text(code: str) -> str:
    """A place with its GST code: "Karnataka (29)"."""
    state = STATES.get(code)
    return f"{state.name} ({code})" if state else code


def rate_text(basis_points: int) -> str:
    """A tax rate: "9 %", "2.5 %"."""
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") + " %"


def quantity_text(millionths: int, currency: Currency) -> str:
    """A quantity with the thousands separators of the currency and no needless decimals: "1,23,456.5"."""
    units, part = divmod(abs(millionths), _MILLIONTHS)
    text = group_digits(str(units), indian=FORMATS[currency].indian_grouping)
    if part:
        text += f".{part:06d}".rstrip("0")
    return f"-{text}" if millionths < 0 else text


def pan_of(party: Party) -> str | None:
    """The PAN inside a party's GSTIN; None without one."""
    return party.gstin[2:12] if party.gstin else None
