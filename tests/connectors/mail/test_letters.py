"""Letters: each kind of notice in words a customer understands, with amounts and times as they are read."""

import re

import pytest

from connectors.mail.letters import write_letter
from connectors.mail.setting import as_html, as_text
from domain.customers.contacts import NoticeKind
from tests.builders_notices import NOON, a_delivery, a_notice

DEBIT = {"request": 7, "method": "upi_mandate", "charge_minor": 1_180_00, "debit_at": "2026-11-30T13:00:00+05:30"}
STATUS = "notification.account_status"


def a_letter(type_, kind, **data):
    return write_letter(a_delivery(a_notice(type_, **data), kind=kind))


@pytest.mark.parametrize(
    ("type_", "kind", "data", "subject"),
    [
        ("notification.wallet_alert", NoticeKind.BALANCE_LOW, {}, "Balance low: ₹187.34 left on acme"),
        ("notification.wallet_alert", NoticeKind.BALANCE_LOW, {"mode": "postpaid"}, "Usage alert: ₹187.34 on acme"),
        ("notification.wallet_alert", NoticeKind.BALANCE_LOW, {"balance_now_micros": 0}, "Balance low: ₹0.00 left on acme"),
        (
            "notification.wallet_alert",
            NoticeKind.BALANCE_LOW,
            {"over": True, "balance_now_micros": 500_000_000},
            "Balance was low: acme is at ₹500.00 again",
        ),
        (STATUS, NoticeKind.BALANCE_EXHAUSTED, {"status": "grace"}, "Credit used up: please top up acme"),
        (STATUS, NoticeKind.BALANCE_EXHAUSTED, {"status": "grace", "mode": "postpaid"}, "Credit limit reached: acme"),
        (STATUS, NoticeKind.PAYMENT_DUE, {"overdue_since": NOON.isoformat()}, "An invoice of acme is overdue"),
        (STATUS, NoticeKind.SERVICE_SUSPENDED, {"status": "suspended"}, "Sending has stopped: acme is suspended"),
        (
            STATUS,
            NoticeKind.SERVICE_SUSPENDED,
            {"status": "suspended", "overdue_since": NOON.isoformat()},
            "Sending has stopped: an invoice of acme is overdue",
        ),
        (STATUS, NoticeKind.SERVICE_SUSPENDED, {"status": "closed"}, "Account acme is closed"),
        (STATUS, NoticeKind.SERVICE_RESUMED, {"status": "active"}, "Sending works again: acme is active"),
        (
            "notification.alert_escalated",
            NoticeKind.BALANCE_LOW,
            {"circle": 1},
            "Reminder: nobody has taken up the balance alert of acme",
        ),
        (
            "notification.payment_received",
            NoticeKind.PAYMENT_RECEIVED,
            {"paid_minor": 1_180_00, "credited_minor": 1_000_00},
            "Payment received: ₹1,180.00 for acme",
        ),
        ("notification.payment_refunded", NoticeKind.PAYMENT_RECEIVED, {"paid_minor": 590_00}, "Refund: ₹590.00 of acme"),
        ("notification.payment_failed", NoticeKind.PAYMENT_FAILED, DEBIT, "Payment failed: ₹1,180.00 for acme"),
        (
            "notification.debit_announced",
            NoticeKind.PAYMENT_DUE,
            DEBIT,
            "Upcoming debit: ₹1,180.00 on 30 Nov 2026, 13:00 (IST)",
        ),
    ],
)
def test_every_kind_of_notice_has_its_letter_in_text_and_html(type_, kind, data, subject):
    letter = a_letter(type_, kind, **data)
    assert letter.subject == subject
    assert letter.sentences
    for page in (as_text(letter, recipient="Asha", customer="Acme"), as_html(letter, recipient="Asha", customer="Acme")):
        assert "None" not in page
        assert all(value in page.replace("&#x27;", "'") for _, value in letter.facts)


def test_every_cell_breaks_a_long_name_where_it_must_so_that_no_letter_is_wider_than_a_telephone():
    page = as_html(a_letter("notification.wallet_alert", NoticeKind.BALANCE_LOW), recipient="x" * 200, customer="Acme")
    cells = re.findall(r"<td style=\"([^\"]*)\">(?!<table)", page)
    assert len(cells) > 5
    assert [cell for cell in cells if "overflow-wrap:anywhere" not in cell] == []


def test_a_debit_is_announced_with_what_the_central_bank_wants_named():
    """Merchant, amount, time, reference and reason, and how to opt out (Reserve Bank of India, e-mandate framework)."""
    letter = a_letter("notification.debit_announced", NoticeKind.PAYMENT_DUE, **DEBIT)
    assert {name for name, _ in letter.facts} >= {"Merchant", "Amount of the debit", "Not before", "Reference", "Reason"}
    assert any("do not want this debit" in sentence for sentence in letter.sentences)


def test_what_is_left_is_never_shown_as_more_than_it_is():
    low = a_letter("notification.wallet_alert", NoticeKind.BALANCE_LOW, balance_micros=9_999)
    assert "₹0.00 left" in low.subject
    debt = a_letter(STATUS, NoticeKind.BALANCE_EXHAUSTED, status="grace", balance_micros=-1)
    assert ("Balance", "-₹0.01") in debt.facts


def test_other_currencies_are_written_as_they_are_read():
    letter = a_letter("notification.wallet_alert", NoticeKind.BALANCE_LOW, currency="IDR", balance_micros=1_234_567_000_000)
    assert "Rp1,234,567" in letter.subject


def test_html_has_nothing_that_is_fetched_or_run():
    page = as_html(a_letter("notification.wallet_alert", NoticeKind.BALANCE_LOW), recipient="Asha", customer="Acme")
    for fetched in ("http", "src=", "<script", "<link", "url("):
        assert fetched not in page
