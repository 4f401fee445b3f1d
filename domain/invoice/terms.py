"""When an invoice may be made, which date it bears, and when it falls due."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.errors import IllegalTransition
from domain.invoice.assemble import PaymentMode
from domain.period import BillingMonth

IST: Final = ZoneInfo("Asia/Kolkata")
"""The date on a tax invoice, and with it the financial year of its number, is an Indian calendar date (DESIGN §7)."""

PAYMENT_TERM_DAYS: Final = 15


def issue_date(now: datetime) -> date:
    """The date an invoice issued at an instant bears."""
    return now.astimezone(IST).date()


def due_date(issued_on: date, mode: PaymentMode, *, term_days: int | None = None) -> date:
    """Postpaid usage is payable in the days agreed, else in 15; prepaid usage was paid before it happened."""
    days = PAYMENT_TERM_DAYS if term_days is None else term_days
    return issued_on if mode is PaymentMode.PREPAID else issued_on + timedelta(days=days)


def require_ended(month: BillingMonth, time_zones: Iterable[str], *, now: datetime) -> None:
    """Raises IllegalTransition while the month is still running in one of the accounts' time zones."""
    ends = {zone: month.span(ZoneInfo(zone)).end for zone in time_zones}
    if not ends:
        return
    last = max(sorted(ends), key=lambda zone: ends[zone])
    if now < ends[last]:
        raise IllegalTransition(
            f"{month} has not ended: it runs until {ends[last]:%Y-%m-%d %H:%M} UTC in {last}; invoice it after that",
            month=str(month),
            ends_at=ends[last],
        )
