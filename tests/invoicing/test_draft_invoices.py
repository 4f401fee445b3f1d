"""Drafting: what is due becomes lines, the same inputs give the same drafts, and one bad account stops nobody."""

from dataclasses import astuple
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from connectors import batch_wiring
from domain.errors import IllegalTransition
from domain.invoice.document import from_document
from domain.money import Currency
from invoicing.accrue_fees import accrue_fees
from invoicing.invoice_ports import Batch
from tests.books import NOVEMBER_2, an_event, book, open_account
from tests.fee_charges import add_charge
from tests.invoicing.month import NOVEMBER, OCTOBER, draft, invoice_month, summarise
from tests.invoicing.selling import a_usage_charge, publish, put_on

pytestmark = pytest.mark.engines


def drafts_of(database):
    """Account code, subtotal, tax and total of each draft."""
    query = """
        SELECT a.code, i.subtotal_minor, i.tax_minor, i.total_minor FROM invoice i JOIN account a USING (account_id)
        WHERE i.status = 'draft' ORDER BY a.code"""
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def lines_of(database):
    """Description, month, quantity, amount and lateness of each line as the document has it."""
    with database.connect() as connection:
        documents = connection.execute(text("SELECT document FROM invoice ORDER BY invoice_id")).scalars().all()
    return [
        (line["description"], line["service_month"], line["quantity_millionths"], line["amount_minor"], line["late"])
        for document in documents
        for line in document["lines"]
    ]


def test_the_usage_of_a_month_becomes_a_line_for_each_price_with_gst(shop):
    open_account("acme")
    events = [an_event("acme", quantity=100), an_event("acme", quantity=50, channel="whatsapp")]
    book(shop, [*events, an_event("acme", quantity=150, meter="voice.minutes")])

    drafted = draft()

    assert astuple(drafted.changes) == (1, 0, 0, 0)
    assert lines_of(shop) == [
        ("OTP delivered (sms)", "2026-10", 100_000_000, 20_00, False),
        ("OTP delivered (whatsapp)", "2026-10", 50_000_000, 7_25, False),
        ("Voice OTP", "2026-10", 150_000_000, 140_00, False),
    ]
    assert drafts_of(shop) == [("acme", 167_25, 30_11, 197_36)]


def test_drafting_again_changes_nothing(shop):
    open_account("acme")
    book(shop, [an_event("acme", quantity=100)])
    draft()
    with shop.connect() as connection:
        before = connection.execute(text("SELECT invoice_id, drafted_at, document_digest FROM invoice")).all()
        records = connection.execute(text("SELECT count(*) FROM audit_record")).scalar_one()

    again = draft()

    assert astuple(again.changes) == (0, 0, 1, 0)
    with shop.connect() as connection:
        assert connection.execute(text("SELECT invoice_id, drafted_at, document_digest FROM invoice")).all() == before
        assert connection.execute(text("SELECT count(*) FROM audit_record")).scalar_one() == records


def test_a_draft_is_made_anew_when_usage_arrives(shop):
    open_account("acme")
    book(shop, [an_event("acme", quantity=100)])
    draft()
    book(shop, [an_event("acme", quantity=100)])

    again = draft()

    assert astuple(again.changes) == (0, 1, 0, 0)
    assert drafts_of(shop) == [("acme", 40_00, 7_20, 47_20)]


def test_batches_share_the_accounts_out_and_leave_each_other_alone(shop):
    for code in ("a", "b", "c", "d", "e"):
        open_account(code)
        book(shop, [an_event(code, quantity=100)])

    counts = [draft(batch=Batch(number, 3)).changes.drafted for number in range(3)]

    assert sum(counts) == 5
    assert [code for code, *_ in drafts_of(shop)] == ["a", "b", "c", "d", "e"]
    assert [draft(batch=Batch(number, 3)).changes.unchanged for number in range(3)] == counts


def test_an_account_without_usage_gets_no_invoice(shop):
    open_account("idle")

    assert astuple(draft().changes) == (0, 0, 0, 0)
    assert drafts_of(shop) == []


def test_usage_of_a_later_month_waits_for_it(shop):
    open_account("acme")
    book(shop, [an_event("acme", at=datetime(2026, 11, 1, 12, tzinfo=UTC))])

    assert draft().changes.drafted == 0
    assert draft(NOVEMBER, now=datetime(2026, 12, 2, tzinfo=UTC)).changes.drafted == 1


def test_usage_that_arrives_after_issue_is_a_late_line_on_the_next_invoice(shop):
    open_account("acme")
    book(shop, [an_event("acme", quantity=100)])
    invoice_month()
    late = an_event("acme", quantity=10)
    book(shop, [late, an_event("acme", quantity=20, at=datetime(2026, 11, 3, tzinfo=UTC))])

    again = draft()
    following = draft(NOVEMBER, now=datetime(2026, 12, 2, tzinfo=UTC))

    assert astuple(again.changes) == (0, 0, 0, 0)
    assert following.changes.drafted == 1
    assert lines_of(shop)[1:] == [
        ("OTP delivered (sms)", "2026-11", 20_000_000, 4_00, False),
        ("OTP delivered (sms)", "2026-10", 10_000_000, 2_00, True),
    ]


def test_an_account_that_cannot_be_taxed_is_listed_and_the_others_are_drafted(shop):
    open_account("acme")
    # A customer may be saved with a GSTIN that belongs to another state: the law then gives no answer.
    open_account("torn", state_code="29")
    book(shop, [an_event("acme", quantity=100), an_event("torn", quantity=100)])

    drafted = draft()

    assert [(failure.account, failure.code) for failure in drafted.failures] == [("torn", "invalid_input")]
    assert "buyer.state_code: 29 is not the state of the GSTIN" in drafted.failures[0].reason
    assert [code for code, *_ in drafts_of(shop)] == ["acme"]


def test_a_draft_goes_when_its_account_can_no_longer_be_invoiced(shop):
    open_account("acme")
    book(shop, [an_event("acme", quantity=100)])
    draft()
    with shop.begin() as connection:
        connection.execute(text("UPDATE customer SET state_code = '29'"))

    again = draft()

    assert (again.changes.removed, len(again.failures)) == (1, 1)
    assert drafts_of(shop) == []


def test_a_month_that_is_running_somewhere_is_not_drafted_unless_asked(shop):
    open_account("acme")
    open_account("york", time_zone="America/New_York", currency=Currency.USD)
    book(shop, [an_event("acme")])
    first_of_november = datetime(2026, 11, 1, 1, tzinfo=UTC)  # over in India, three hours to go in New York

    with pytest.raises(IllegalTransition) as refusal:
        draft(now=first_of_november)

    assert str(refusal.value) == (
        "2026-10 has not ended: it runs until 2026-11-01 04:00 UTC in America/New_York; invoice it after that"
    )
    assert draft(now=first_of_november, allow_open=True).changes.drafted == 1


def test_drafts_larger_than_a_transaction_are_all_written(shop, monkeypatch):
    monkeypatch.setattr("connectors.postgres.invoice_drafts._CHUNK", 2)
    for code in ("a", "b", "c", "d", "e"):
        open_account(code)
        book(shop, [an_event(code, quantity=100)])

    assert draft().changes.drafted == 5
    assert len(drafts_of(shop)) == 5


def test_every_account_with_something_due_and_no_draft_is_in_the_summary_with_its_reason(shop):
    open_account("torn", state_code="29")
    book(shop, [an_event("torn")])
    open_account("acme")
    book(shop, [an_event("acme")])

    found = summarise()

    assert [(failure.account, failure.code) for failure in found.failures] == [
        ("acme", "not_drafted"),
        ("torn", "invalid_input"),
    ]
    draft(OCTOBER)
    assert [failure.account for failure in summarise().failures] == ["torn"]


def test_an_adjustment_that_took_nothing_off_stands_last_and_is_not_printed(shop):
    cap = {"code": "cap", "kind": "maximum", "amount": "1000.00", "description": "Spend cap", "sac": "998319"}
    charges = [a_usage_charge("otp.delivered", price={"model": "per_unit", "unit_price": "0.20"}), cap]
    open_account("acme")
    put_on(shop, "acme", publish(shop, "capped", charges), start=datetime(2026, 10, 1, tzinfo=UTC))
    add_charge(shop, "capped", "recurring", "platform", amount="310.00", prorate=False, billed="in_arrears")
    book(shop, [an_event("acme", quantity=100)])
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=NOVEMBER_2)

    draft()

    lines = [(description, quantity, amount) for description, _, quantity, amount, _ in lines_of(shop)]
    assert lines[-1] == ("Spend cap", 20_000_000, 0)
    assert [description for description, *_ in lines] == ["One-time passwords", "Platform", "Spend cap"]
    with shop.connect() as connection:
        document = connection.execute(text("SELECT document FROM invoice")).scalar_one()
    assert [line.description for line in from_document(document).printed_lines()] == ["One-time passwords", "Platform"]
