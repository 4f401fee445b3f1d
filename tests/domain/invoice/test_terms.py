"""Dates of an invoice: Indian dates, the time to pay, and months that have not ended."""

from datetime import UTC, date, datetime

import pytest

from domain.errors import IllegalTransition
from domain.invoice.assemble import PaymentMode
from domain.invoice.terms import due_date, issue_date, require_ended
from domain.period import BillingMonth

OCTOBER = BillingMonth(2026, 10)


def test_the_date_of_issue_is_the_calendar_date_in_india():
    assert issue_date(datetime(2026, 10, 31, 18, 29, tzinfo=UTC)) == date(2026, 10, 31)
    assert issue_date(datetime(2026, 10, 31, 18, 30, tzinfo=UTC)) == date(2026, 11, 1)


def test_postpaid_usage_is_payable_in_fifteen_days_and_prepaid_usage_is_paid():
    assert due_date(date(2026, 11, 20), PaymentMode.POSTPAID) == date(2026, 12, 5)
    assert due_date(date(2026, 11, 20), PaymentMode.PREPAID) == date(2026, 11, 20)


def test_the_term_an_account_agreed_to_counts_and_may_be_none_at_all():
    assert due_date(date(2026, 11, 20), PaymentMode.POSTPAID, term_days=45) == date(2027, 1, 4)
    assert due_date(date(2026, 11, 20), PaymentMode.POSTPAID, term_days=0) == date(2026, 11, 20)
    assert due_date(date(2026, 11, 20), PaymentMode.PREPAID, term_days=45) == date(2026, 11, 20)


def test_a_month_has_ended_at_the_instant_it_has_ended_everywhere():
    zones = ["Asia/Kolkata", "America/Los_Angeles"]
    end_in_los_angeles = datetime(2026, 11, 1, 7, tzinfo=UTC)

    require_ended(OCTOBER, zones, now=end_in_los_angeles)
    with pytest.raises(
        IllegalTransition, match=r"2026-10 has not ended: it runs until 2026-11-01 07:00 UTC in America/Los_Angeles"
    ):
        require_ended(OCTOBER, zones, now=end_in_los_angeles.replace(hour=6, minute=59))


def test_without_accounts_there_is_nothing_to_wait_for():
    assert require_ended(OCTOBER, [], now=datetime(2026, 10, 1, tzinfo=UTC)) is None
