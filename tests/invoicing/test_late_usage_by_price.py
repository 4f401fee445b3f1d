"""Late usage under every price model: the late line is what the month comes to less what was billed of it (DESIGN §3.7)."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from connectors import batch_wiring, proof_wiring, wiring
from domain.period import BillingMonth
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Batch, InvoiceRun
from invoicing.issue_invoices import issue_invoices
from invoicing.recompute_accounts import recompute_accounts
from invoicing.second_rater_gate import RESULT
from tests.books import MID_OCTOBER, NOVEMBER_2, an_event, book, open_account
from tests.builders import OCTOBER
from tests.invoicing.selling import a_usage_charge, publish, put_on

pytestmark = pytest.mark.engines

NOVEMBER = BillingMonth(2026, 11)
DECEMBER_2 = NOVEMBER_2 + timedelta(days=30)
BEGINNING = MID_OCTOBER - timedelta(days=14)
TIERS = [{"up_to": 10, "unit_price": "1"}, {"unit_price": "0.25"}]
STEPS = [{"up_to": 10, "flat_fee": "50"}, {"flat_fee": "30"}]
PRICES = {
    "per unit": ({"model": "per_unit", "unit_price": "0.333333"}, "2.666664", "0.999999"),
    "package": ({"model": "package", "package_size": 5, "package_price": "7"}, "14", "7"),
    "graduated": ({"model": "graduated", "tiers": TIERS}, "8", "2.25"),
    "volume, repriced downwards": ({"model": "volume", "tiers": TIERS}, "8", "-5.25"),
    "stairstep, the step reached replacing the one before": ({"model": "stairstep", "tiers": STEPS}, "50", "-20"),
    "stairstep, every step passed": ({"model": "stairstep", "tiers": STEPS, "steps": "passed"}, "50", "30"),
    "percentage of each event": ({"model": "percentage", "percent": "2.5", "fixed": "3"}, "3.2", "3.075"),
}


def micros(units):
    whole, _, decimals = units.lstrip("-").partition(".")
    return (-1 if units.startswith("-") else 1) * int(whole + decimals.ljust(6, "0"))


def invoiced(book_of_invoices, month: BillingMonth, now: datetime):
    """Draft and issue a month; nothing is printed."""
    book_of_invoices.runs.save(InvoiceRun(month, {RESULT: {"agrees": True}}, now, "asha", now), actor="tests", now=now)
    draft_invoices(month, Batch(0, 1), drafts=book_of_invoices.drafts, now=now)
    issue_invoices(month, book=book_of_invoices, balances=batch_wiring.balances(), now=now)


def lines(database, month):
    statement = """
        SELECT l.service_month, l.quantity_millionths, l.amount_micros, l.event_count
        FROM invoice_line l JOIN invoice i USING (invoice_id) JOIN charge c USING (charge_id)
        WHERE i.month = :month AND i.status = 'issued' AND c.code = 'otp' ORDER BY l.line_number
    """
    with database.connect() as connection:
        return connection.execute(text(statement), {"month": f"{month}-01"}).all()


def failing_checks():
    return [check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows]


@pytest.mark.parametrize("model", PRICES)
def test_the_late_line_is_the_difference_to_what_was_billed(shop, book_of_invoices, cache, model):
    price, billed, late = PRICES[model]
    open_account("acme")
    # Voice keeps the next invoice above zero where the late line is below.
    voice = a_usage_charge("voice", price={"model": "per_unit", "unit_price": "100"})
    charges = [a_usage_charge("otp", price=price), voice]
    meters = [{"code": "otp", "event_type": "otp.delivered"}, {"code": "voice", "event_type": "voice.minutes"}]
    put_on(shop, "acme", publish(shop, "plan", charges, meters=meters), start=BEGINNING)
    book(shop, [an_event("acme", quantity=8)])
    invoiced(book_of_invoices, OCTOBER, NOVEMBER_2)

    book(shop, [an_event("acme", quantity=3)], received_at=DECEMBER_2 - timedelta(days=5))
    due = wiring.late_usage().read(OCTOBER)["due"]
    book(shop, [an_event("acme", at=MID_OCTOBER + timedelta(days=30), meter="voice.minutes")], received_at=DECEMBER_2)
    invoiced(book_of_invoices, NOVEMBER, DECEMBER_2)

    october, late_line = lines(shop, OCTOBER), lines(shop, NOVEMBER)
    assert [row.amount_micros for row in october] == [micros(billed)]
    assert [(str(row.service_month), row.quantity_millionths, row.amount_micros, row.event_count) for row in late_line] == [
        ("2026-10-01", 3_000_000, micros(late), 1)
    ]
    assert [(row["events"], row["amount_micros"]) for row in due] == [(1, micros(late))]
    assert recompute_accounts(OCTOBER, None, room=proof_wiring.evidence_room(), now=NOVEMBER_2).rows() == []
    assert failing_checks() == []
