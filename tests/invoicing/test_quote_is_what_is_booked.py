"""A quote and the books: the same usage and subscription come to the same lines, fees as accrued."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from connectors import batch_wiring, wiring
from domain.plans import read_plan
from domain.plans.quote_lines import quote
from domain.plans.quoted_usage import read_usage
from invoicing.accrue_fees import accrue_fees
from invoicing.keep_accounts import open_account
from invoicing.publish_plan import publish_plan
from invoicing.write_customer import create_customer
from tests.books import AUTHOR, an_event, book, open_shop
from tests.builders_customers import a_customer_document, an_account_document
from tests.builders_plans import a_charge, a_commitment, a_discount, a_fee, a_plan, a_setup, per_unit

pytestmark = pytest.mark.engines

BEGINS = datetime(2026, 10, 21, 18, 30, tzinfo=UTC)
"""Midnight of the 22nd in India."""
PLAN = a_plan(
    a_charge(price=per_unit("0.333333")),
    a_fee(amount="999.00"),
    a_fee(code="line", amount="310.00", anchor="anniversary", billed="in_arrears"),
    a_fee(code="seat", amount="50.00", prorate=False),
    a_setup(amount="5000.00"),
    a_commitment(minimum="400.00", counts=["otp.delivered"]),
    a_commitment(code="quarter", minimum="900.00", every="quarter"),
    adjustments=[a_discount(applies_to=["otp.delivered"], periods=1)],
    trial_days=2,
)


def booked(database):
    statement = """
    SELECT h.code, to_char(t.service_month, 'YYYY-MM'),
           CASE WHEN h.kind IN ('usage', 'adjustment') THEN '' ELSE t.price_cell END, sum(t.amount_micros)::bigint
    FROM usage_total t JOIN charge h USING (charge_id) GROUP BY 1, 2, 3
    """
    with database.connect() as connection:
        return {(code, month, period): micros for code, month, period, micros in connection.execute(text(statement))}


def quoted_lines(usage):
    said = quote(read_plan(PLAN), read_usage(usage, measured=()), time_zone=ZoneInfo("Asia/Kolkata"), starts_at=BEGINS)
    fees = ("recurring", "one_time", "commitment")
    lines = {}
    for line in said.lines:
        key = (line.charge, line.invoice, line.period if line.kind in fees else "")
        lines[key] = lines.get(key, 0) + line.amount_micros
    return lines


def test_what_is_quoted_is_what_is_booked(database, warehouse, cache):
    open_shop()
    publish_plan(wiring.administration(), PLAN, author=AUTHOR)
    create_customer(wiring.administration(), a_customer_document(), author=AUTHOR)
    opening = an_account_document(code="acme", plan="otp-india", aliases=["acme"])
    open_account(wiring.administration(), opening, opens_at=BEGINS, author=AUTHOR)
    times = [BEGINS + timedelta(days=days, hours=3) for days in (0, 1, 2, 5, 10, 13)]
    book(database, [an_event("acme", at=at, quantity=100) for at in times])
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=datetime(2026, 12, 31, 18, 30, tzinfo=UTC))
    quoted = quoted_lines([{"type": "otp.delivered", "quantity": 100, "time": at.isoformat()} for at in times])
    lines = booked(database)
    assert quoted == {key: lines[key] for key in quoted}
    assert {code for code, _, _ in quoted} == {row.code for row in read_plan(PLAN).rows()}
    later = [period for _, _, period in lines.keys() - quoted.keys()]
    assert later  # the accrual goes on, to the end of the year
    assert min(later) >= "2026-12-01"
