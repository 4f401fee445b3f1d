"""The printed invoice: every particular of Rule 46 is on it, and the same invoice gives the same bytes."""

import io
import subprocess
import sys
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from pypdf import PdfReader
from reportlab import rl_config

from connectors.pdf import fonts
from connectors.pdf.invoice_pdf import render
from domain.errors import WrongSetup
from domain.invoice.assemble import PaymentMode
from domain.invoice.model import InvoiceStatus
from domain.money import Currency, format_minor
from domain.tax.place_of_supply import BuyerCategory
from tests.builders import ANOTHER_KARNATAKA_GSTIN, OCTOBER, a_buyer, a_line, a_seller, an_invoice

IN_KARNATAKA = a_buyer(gstin=ANOTHER_KARNATAKA_GSTIN, state_code="29")


def pages_of(invoice):
    reader = PdfReader(io.BytesIO(render(invoice)))
    return [page.extract_text() for page in reader.pages]


def text_of(invoice):
    """All text of an invoice on one line, so that a broken line does not hide what is there."""
    return " ".join(" ".join(pages_of(invoice)).split())


@pytest.mark.parametrize(
    ("clause", "printed"),
    [
        ("title", "TAX INVOICE"),
        ("copy, Rule 48(2)", "ORIGINAL FOR RECIPIENT"),
        ("a supplier name", "OTPless Technologies Private Limited"),
        ("a supplier address", "Level 4, 80 Feet Road, Koramangala"),
        ("a supplier GSTIN", "GSTIN 29AAGCB7383J1Z4"),
        ("a supplier state", "State: Karnataka (29)"),
        ("b number", "OTP/26-27/000001"),
        ("c date of issue", "1 Nov 2026"),
        ("due date", "16 Nov 2026"),
        ("d recipient name", "Crunchy Armchair Private Limited"),
        ("d recipient address", "14 Marine Lines"),
        ("d recipient GSTIN", "GSTIN 27AAPFU0939F1ZV"),
        ("d recipient state", "State: Maharashtra (27)"),
        ("billing period", "1 – 31 October 2026"),
        ("g service code", "998319"),
        ("h description", "One-time password by SMS, India"),
        ("service month and plan", "Oct 2026 · otp-india v1"),
        ("i quantity", "10,000"),
        ("i unit", "messages"),
        ("rate", "₹0.1450"),
        ("j total value", "₹1,711.00"),
        ("k taxable value", "₹1,450.00"),
        ("l rate of tax", "IGST @ 18 %"),
        ("m amount of tax", "₹261.00"),
        ("n place of supply", "Place of supply Maharashtra (27)"),
        ("p reverse charge", "Reverse charge No"),
        ("q signature", "Authorised signatory"),
        ("amount in words", "Rupees One Thousand Seven Hundred Eleven Only"),
        ("how to pay", "Account 000123456789, IFSC EXMP0000123"),
    ],
)
def test_every_particular_of_rule_46_is_printed(clause, printed):
    assert printed in text_of(an_invoice()), clause


def test_inside_the_state_both_heads_are_printed_with_their_rates():
    text = text_of(an_invoice(buyer=IN_KARNATAKA))
    assert "CGST @ 9 % ₹130.50 SGST @ 9 % ₹130.50" in text
    assert "IGST" not in text


def test_the_summary_shows_each_service_code_and_adds_up():
    text = text_of(an_invoice(a_line(), a_line(sac="998315"), buyer=IN_KARNATAKA))
    assert "998319 1,450.00 130.50 130.50 261.00" in text
    assert "998315 1,450.00 130.50 130.50 261.00" in text
    assert "Total 2,900.00 261.00 261.00 522.00" in text


def test_an_export_shows_its_legend_destination_and_currency():
    invoice = an_invoice(a_line(unit_price_text="$0.1450"), buyer=a_buyer(BuyerCategory.OVERSEAS), currency=Currency.USD)
    text = text_of(invoice)
    assert invoice.legend in text
    assert "Destination United States of America" in text
    assert "Place of supply Other Country (96)" in text
    assert "Invoice total $1,450.00" in text
    assert "₹" not in text


def test_an_unregistered_buyer_is_shown_with_state_and_code():
    text = text_of(an_invoice(buyer=a_buyer(BuyerCategory.UNREGISTERED)))
    assert "GSTIN: unregistered · State: Maharashtra (27)" in text


def test_rupiah_are_shown_without_decimals_and_say_so():
    invoice = an_invoice(
        a_line(amount_micros=1_790_025_330_000), buyer=a_buyer(BuyerCategory.OVERSEAS, country="ID"), currency=Currency.IDR
    )
    text = text_of(invoice)
    assert "Invoice total Rp1,790,025" in text
    assert "shown to the whole rupiah" in text


def test_late_usage_is_marked_on_its_line():
    late = a_line(description="Usage of September", service_month=OCTOBER.previous(), late=True)
    text = text_of(an_invoice(a_line(), late))
    assert text.count("LATE USAGE") == 1
    assert "Sep 2026 · otp-india v1 LATE USAGE" in text


def test_a_fee_shows_the_days_it_is_for_and_no_events():
    days = (date(2026, 11, 1), date(2026, 11, 30))
    fee = a_line(description="Platform fee", service_days=days, unit="month", unit_price_text="₹999.00", event_count=0)
    text = text_of(an_invoice(a_line(), fee))
    assert "1 – 30 Nov 2026 · otp-india v1" in text
    assert "₹999.00 –" in text


def test_what_the_wallet_paid_is_taken_off():
    text = text_of(an_invoice(mode=PaymentMode.PREPAID))
    assert "Less: paid from prepaid wallet -₹1,711.00" in text
    assert "Amount due ₹0.00" in text
    assert "Nothing is due" in text


def test_a_part_paid_from_the_wallet_leaves_the_rest_due():
    text = text_of(replace(an_invoice(), prepaid_minor=71_100))
    assert "Less: paid from prepaid wallet -₹711.00" in text
    assert "Amount due ₹1,000.00" in text


def test_an_account_without_a_wallet_is_not_told_about_one():
    assert "prepaid" not in text_of(an_invoice())


def test_a_draft_is_marked_on_every_page_and_bears_no_number():
    pages = pages_of(an_invoice(*[a_line()] * 40, issued=False))
    assert len(pages) > 1
    assert all("DRAFT" in page for page in pages)
    assert "NOT VALID FOR TAX PURPOSES" in pages[0]
    assert "OTP/26-27" not in " ".join(pages)


def test_a_void_invoice_is_marked():
    assert "VOID" in text_of(replace(an_invoice(issued=False), status=InvoiceStatus.VOID))


def test_an_issued_invoice_bears_no_watermark():
    text = text_of(an_invoice())
    assert "DRAFT" not in text
    assert "VOID" not in text


def test_a_long_invoice_carries_its_sum_from_page_to_page():
    """Every line is on exactly one page, and each page begins with the sum the one before ended with."""
    lines = [a_line(description=f"Line number {n} of many", amount_micros=n * 1_000_000) for n in range(1, 121)]
    pages = pages_of(an_invoice(*lines))
    assert len(pages) == 7
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of 7" in page
        assert "Description of service" in page
        assert "OTP/26-27/000001" in page
    printed = [n for page in pages for n in range(1, 121) if f"Line number {n} of many" in page]
    assert printed == list(range(1, 121))
    so_far = 0
    for before, after in pairwise(pages):
        so_far += sum(n for n in range(1, 121) if f"Line number {n} of many" in before)
        carried = format_minor(so_far * 100, Currency.INR).removeprefix("₹")
        assert f"Carried forward {carried}" in " ".join(before.split())
        assert f"Brought forward {carried}" in " ".join(after.split())
    assert "Brought forward" not in pages[0]
    assert "Carried forward" not in pages[-1]


@pytest.mark.parametrize("count", range(1, 42))
def test_the_totals_never_stand_on_a_page_without_charges(count):
    pages = pages_of(an_invoice(*[a_line(description=f"Charge no. {n}.") for n in range(count)]))
    with_totals = [page for page in pages if "TAX SUMMARY BY SAC" in page]
    assert len(with_totals) == 1
    assert "Charge no. " in with_totals[0]
    assert "Authorised signatory" in with_totals[0]
    assert sum(page.count("Charge no. ") for page in pages) == count


def test_the_same_invoice_gives_the_same_bytes():
    assert render(an_invoice()) == render(an_invoice())


def test_another_process_gives_the_same_bytes():
    program = (
        "import hashlib; from connectors.pdf.invoice_pdf import render; from tests.builders import an_invoice;"
        "print(hashlib.sha256(render(an_invoice())).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout for _ in range(2)
    }
    assert len(digests) == 1


def test_another_invoice_gives_other_bytes():
    assert render(an_invoice()) != render(an_invoice(a_line(amount_micros=1_450_010_000)))


def test_the_rupee_sign_is_drawn_from_an_embedded_font():
    reader = PdfReader(io.BytesIO(render(an_invoice())))
    page_fonts = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]
    used = [font for font in page_fonts if "DejaVu" in font["/BaseFont"]]
    assert {font["/BaseFont"].split("+")[-1] for font in used} == {"DejaVuSans", "DejaVuSans-Bold"}
    assert all("/FontFile2" in font["/FontDescriptor"] for font in used)


def test_very_long_texts_are_broken_and_kept():
    name = "Shree Mahalakshmi Venkateshwara International Textiles Exports and Digital Commerce Private Limited"
    invoice = an_invoice(
        a_line(description="alpha " * 50, unit="verified mobile numbers per operator", unit_price_text="₹99,99,999.999999"),
        a_line(plan_version="enterprise-agreement-" * 6),
        buyer=a_buyer(legal_name=name, address_lines=("x" * 200, "Mumbai"), state_code="27"),
    )
    text = text_of(invoice)
    assert name in text
    assert text.count("alpha") == 50
    assert "₹99,99,999.999999" in text


def test_amounts_at_the_limit_of_the_database_are_printed_whole():
    invoice = an_invoice(a_line(amount_micros=2**63 - 1, quantity_millionths=2**63 - 1, event_count=2**40))
    text = text_of(invoice)
    assert format_minor(invoice.total_minor, Currency.INR) in text
    assert "92,23,37,20,36,854.775807" in text


def test_line_breaks_and_control_characters_in_names_do_no_harm():
    text = text_of(an_invoice(buyer=a_buyer(legal_name="Two\nLines\tLimited (कंपनी)")))
    assert "Two Lines Limited" in text


def test_a_missing_font_says_what_to_install(monkeypatch):
    monkeypatch.setattr(rl_config, "TTFSearchPath", [])
    monkeypatch.setattr(fonts, "_REGULAR", "NoSuchFont")
    fonts.register_fonts.cache_clear()
    with pytest.raises(WrongSetup, match="fonts-dejavu-core"):
        render(an_invoice())
    fonts.register_fonts.cache_clear()


def test_a_seller_without_bank_details_asks_to_quote_the_number():
    text = text_of(an_invoice(seller=a_seller(payment_lines=())))
    assert "Please quote OTP/26-27/000001 with your payment." in text


def an_adjustment(**changes):
    """A spend cap of ₹50,000 that was not reached."""
    cap = {"description": "Spend cap", "unit": "INR", "unit_price_text": "max. ₹50,000.00", "event_count": 0}
    return a_line(**{**cap, "amount_micros": 0, **changes})


def test_an_adjustment_that_took_nothing_off_is_not_printed():
    text = text_of(an_invoice(a_line(), an_adjustment()))
    assert "Spend cap" not in text
    assert "Spend cap" in text_of(an_invoice(a_line(), an_adjustment(amount_micros=-10_000_000)))
    free = a_line(description="Free messages", amount_micros=0)
    assert "Free messages" in text_of(an_invoice(free, an_adjustment()))


def rows_by_page(invoice):
    return [page.count("One-time password by SMS") for page in pages_of(invoice)]


@pytest.mark.parametrize("lines", range(1, 42))
def test_a_page_is_left_for_the_next_only_when_it_is_well_filled_and_totals_are_never_alone(lines):
    rows = rows_by_page(an_invoice(*[a_line() for _ in range(lines)]))
    assert sum(rows) == lines
    assert min(rows) >= 1
    assert all(each >= 8 for each in rows[:-1])
    long = [a_line(description=f"One-time password by SMS {'to a mobile number of India, with its receipt ' * 3}")] * lines
    assert all(each >= 4 for each in rows_by_page(an_invoice(*long))[:-1])


def test_few_lines_stay_on_the_page_they_begin_on_when_the_totals_need_the_next():
    """Many service codes make the totals high: a quarter of the lines goes with them, not the table."""
    lines = [a_line(sac=f"99{number:04}") for number in range(8311, 8317)]
    assert rows_by_page(an_invoice(*lines)) in ([6], [4, 2], [5, 1])
