"""Assembling an invoice: rounding once per line, tax on the sum, the wallet's part, and the way to issue."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IllegalTransition, InvalidInput, TaxProfileIncomplete
from domain.invoice.assemble import MonthOfCharges, PaymentMode, assemble, issue
from domain.invoice.model import InvoiceStatus, TaxLine
from domain.money import Currency
from domain.tax.place_of_supply import BuyerCategory
from tests.builders import (
    ANOTHER_KARNATAKA_GSTIN,
    DUE_DATE,
    ISSUE_DATE,
    OCTOBER,
    a_buyer,
    a_line,
    a_seller,
    an_invoice,
)

IN_KARNATAKA = a_buyer(gstin=ANOTHER_KARNATAKA_GSTIN, state_code="29")


def a_draft(*lines, on=ISSUE_DATE, seller=None, buyer=None, mode=PaymentMode.POSTPAID):
    charges = MonthOfCharges("acme", OCTOBER, Currency.INR, mode, lines)
    return assemble(charges, seller=seller or a_seller(), buyer=buyer or a_buyer(), on=on)


def test_a_sale_inside_the_state_bears_both_halves_of_the_tax():
    """₹62.51 bears ₹5.63 twice, a paisa more than the ₹11.25 it would bear across the border."""
    invoice = a_draft(a_line(amount_micros=62_510_000), buyer=IN_KARNATAKA)
    assert invoice.taxes == (TaxLine("CGST", 900, 6251, 563), TaxLine("SGST", 900, 6251, 563))
    assert invoice.total_minor == 7377


def test_a_sale_across_the_border_bears_igst():
    invoice = a_draft(a_line(amount_micros=62_510_000))
    assert invoice.taxes == (TaxLine("IGST", 1800, 6251, 1125),)
    assert (invoice.place_of_supply, invoice.supply_type, invoice.legend) == ("27", "B2B", None)


def test_an_export_under_a_letter_of_undertaking_bears_none_and_says_so():
    invoice = an_invoice(a_line(), buyer=a_buyer(BuyerCategory.OVERSEAS), currency=Currency.USD)
    assert invoice.taxes == (TaxLine("IGST", 0, 145_000, 0),)
    assert (invoice.place_of_supply, invoice.supply_type) == ("96", "EXPWOP")
    assert "LUT ARN AD290326012345X" in invoice.legend


def test_an_export_after_the_letter_ran_out_bears_igst():
    invoice = a_draft(a_line(), buyer=a_buyer(BuyerCategory.OVERSEAS), on=date(2027, 4, 1))
    assert (invoice.supply_type, invoice.tax_minor) == ("EXPWP", 26_100)


def test_each_line_is_rounded_once_and_never_again():
    """Two lines of half a paisa are two paise, not one."""
    invoice = a_draft(a_line(amount_micros=5_000), a_line(amount_micros=5_000))
    assert [line.amount_minor for line in invoice.lines] == [1, 1]
    assert invoice.subtotal_minor == 2


def test_tax_is_computed_on_the_sum_of_the_lines():
    """Ten lines of ₹0.02 bear 18 % of ₹0.20, which is four paise, though each line alone would bear none."""
    invoice = a_draft(*[a_line(amount_micros=20_000)] * 10)
    assert (invoice.subtotal_minor, invoice.tax_minor) == (20, 4)


def test_lines_are_numbered_in_the_order_given_and_keep_their_facts():
    late = a_line(description="Usage of September", service_month=OCTOBER.previous(), late=True, event_count=7)
    invoice = a_draft(a_line(), late)
    assert [line.line_number for line in invoice.lines] == [1, 2]
    line = invoice.lines[1]
    assert (line.description, line.service_month, line.late, line.event_count, line.plan_version) == (
        "Usage of September", OCTOBER.previous(), True, 7, "otp-india v1",
    )  # fmt: skip


def test_a_postpaid_account_owes_the_total():
    invoice = a_draft(a_line(), mode=PaymentMode.POSTPAID)
    assert (invoice.prepaid_minor, invoice.due_minor) == (0, 171_100)


def test_a_prepaid_account_owes_nothing():
    invoice = a_draft(a_line(), mode=PaymentMode.PREPAID)
    assert (invoice.prepaid_minor, invoice.due_minor) == (171_100, 0)


def test_a_month_inside_the_free_tier_makes_an_invoice_of_zero():
    assert a_draft(a_line(amount_micros=0)).total_minor == 0


def test_no_lines_no_invoice():
    with pytest.raises(InvalidInput, match="account acme has nothing to invoice for 2026-10"):
        a_draft()


def test_a_negative_sum_is_a_matter_for_a_credit_note():
    with pytest.raises(InvalidInput, match="credit note"):
        a_draft(a_line(amount_micros=-10_000))


def test_a_service_code_without_a_rate_stops_the_invoice():
    with pytest.raises(InvalidInput, match="no GST rate is known for 996511"):
        a_draft(a_line(), a_line(sac="996511"))


def test_an_unregistered_buyer_without_a_state_stops_the_invoice():
    with pytest.raises(TaxProfileIncomplete, match=r"buyer\.state_code"):
        a_draft(a_line(), buyer=a_buyer(BuyerCategory.UNREGISTERED, state_code=None))


def test_a_seller_without_registration_issues_no_tax_invoice():
    with pytest.raises(InvalidInput, match=r"seller\.gstin"):
        a_draft(a_line(), seller=a_seller(gstin=None))


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=30))
def test_an_invoice_always_adds_up(amounts_micros):
    invoice = a_draft(*[a_line(amount_micros=amount) for amount in amounts_micros], buyer=IN_KARNATAKA)
    assert invoice.subtotal_minor == sum(line.amount_minor for line in invoice.lines)
    assert invoice.total_minor == invoice.subtotal_minor + sum(tax.tax_minor for tax in invoice.taxes)
    assert invoice.taxes[0].tax_minor == invoice.taxes[1].tax_minor


def test_the_same_charges_make_the_same_draft():
    assert a_draft(a_line()) == a_draft(a_line())


def test_issuing_gives_a_number_and_dates_and_changes_nothing_else():
    draft = a_draft(a_line())
    issued = issue(draft, number="OTP/26-27/000042", issue_date=ISSUE_DATE, due_date=DUE_DATE)
    assert (issued.status, issued.number) == (InvoiceStatus.ISSUED, "OTP/26-27/000042")
    assert (issued.issue_date, issued.due_date) == (ISSUE_DATE, DUE_DATE)
    unissued = replace(issued, status=InvoiceStatus.DRAFT, number=None, issue_date=None, due_date=None)
    assert unissued == draft


def test_an_issued_invoice_cannot_be_issued_again():
    with pytest.raises(IllegalTransition, match="OTP/26-27/000001 is issued"):
        issue(an_invoice(), number="OTP/26-27/000002", issue_date=ISSUE_DATE, due_date=DUE_DATE)


def test_an_invoice_is_not_due_before_it_is_issued():
    with pytest.raises(InvalidInput, match="due_date: 2026-10-31 is before"):
        issue(a_draft(a_line()), number="OTP/26-27/000001", issue_date=ISSUE_DATE, due_date=date(2026, 10, 31))


def test_a_number_the_law_does_not_allow_is_refused():
    with pytest.raises(InvalidInput, match=r"^number: "):
        issue(a_draft(a_line()), number="OTP 26-27 1", issue_date=ISSUE_DATE, due_date=DUE_DATE)


def test_totals_that_do_not_add_up_cannot_be_built():
    with pytest.raises(ValueError, match="subtotal is not the sum"):
        replace(an_invoice(), subtotal_minor=1)
    with pytest.raises(ValueError, match="total is not subtotal plus tax"):
        replace(an_invoice(), total_minor=1)


@pytest.mark.parametrize(("with_tax", "supply"), [(False, "EXPWOP"), (True, "EXPWP")])
def test_an_export_bears_igst_when_the_buyer_wants_it_although_there_is_a_letter_of_undertaking(with_tax, supply):
    buyer = replace(a_buyer(BuyerCategory.OVERSEAS), export_with_tax=with_tax)
    invoice = an_invoice(buyer=buyer)
    assert (invoice.supply_type, invoice.tax_minor > 0) == (supply, with_tax)
