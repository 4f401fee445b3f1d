"""Billing months as the schema keeps them: the date of their first day."""

from datetime import date

from domain.period import BillingMonth


def first_day(month: BillingMonth) -> date:
    """2026-10 as 2026-10-01."""
    return date(month.year, month.month, 1)


def month_from(day: date) -> BillingMonth:
    """2026-10-01 as 2026-10."""
    return BillingMonth(day.year, day.month)
