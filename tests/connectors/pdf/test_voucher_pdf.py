"""The printed vouchers: every particular of Rules 50 and 51 is on them, and the same voucher gives the same bytes."""

import hashlib
import io
from dataclasses import replace
from datetime import date

import pytest
from pypdf import PdfReader

from connectors.pdf.voucher_pdf import render_voucher
from domain.invoice.model import TaxLine
from domain.money import Currency
from domain.tax.place_of_supply import LEGEND_WITHOUT_TAX
from domain.voucher import VoucherDocument, VoucherKind
from tests.builders import a_party, a_seller

GOLDEN = {
    VoucherKind.RECEIPT: "424d531b19afc7e5e592ff11235ba3f80e4734565a099cb6fe941b6643baaf7e",
    VoucherKind.REFUND: "f50ecc4e35290b4a96ce7b89f028c15717bab62badec25e63e5898a156833947",
}


def a_receipt_voucher(**changes):
    """₹1,180 from a registered customer in Maharashtra: ₹1,000 and 18 % IGST."""
    facts = {
        "kind": VoucherKind.RECEIPT,
        "number": "RV/26-27/000001",
        "issue_date": date(2026, 11, 29),
        "currency": Currency.INR,
        "account_code": "acme",
        "seller": a_seller().party,
        "buyer": a_party(),
        "place_of_supply": "27",
        "supply_type": "B2B",
        "legend": None,
        "sac": "998319",
        "total_minor": 1_180_00,
        "taxable_minor": 1_000_00,
        "taxes": (TaxLine("IGST", 1800, 1_000_00, 180_00),),
        "gateway": "razorpay",
        "payment": "pay_NqTzB3M2kQ7Yxw",
    }
    return VoucherDocument(**{**facts, **changes})


def a_refund_voucher(**changes):
    """Half of it, back."""
    facts = {
        "kind": VoucherKind.REFUND,
        "number": "RFV/26-27/000001",
        "issue_date": date(2026, 12, 3),
        "total_minor": 590_00,
        "taxable_minor": 500_00,
        "taxes": (TaxLine("IGST", 1800, 500_00, 90_00),),
        "receipt": ("RV/26-27/000001", date(2026, 11, 29)),
    }
    return a_receipt_voucher(**{**facts, **changes})


def text_of(voucher):
    reader = PdfReader(io.BytesIO(render_voucher(voucher)))
    assert len(reader.pages) == 1
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


COMMON = [
    ("a supplier name", "OTPless Technologies Private Limited"),
    ("a supplier address", "Level 4, 80 Feet Road, Koramangala"),
    ("a supplier GSTIN", "GSTIN 29AAGCB7383J1Z4"),
    ("d recipient name", "Crunchy Armchair Private Limited"),
    ("d recipient address", "14 Marine Lines"),
    ("d recipient GSTIN", "GSTIN 27AAPFU0939F1ZV"),
    ("description", "Advance for messaging and authentication services"),
    ("service code", "998319"),
    ("rate", "IGST @ 18 %"),
    ("place of supply with name and code", "Place of supply Maharashtra (27)"),
    ("reverse charge", "Reverse charge No"),
    ("signature", "Authorised signatory"),
    ("payment", "pay_NqTzB3M2kQ7Yxw"),
]


@pytest.mark.parametrize(
    ("clause", "printed"),
    [
        *COMMON,
        ("title", "RECEIPT VOUCHER"),
        ("b number", "RV/26-27/000001"),
        ("c date", "29 Nov 2026"),
        ("f amount of the advance", "Advance received ₹1,180.00"),
        ("taxable value", "Taxable value ₹1,000.00"),
        ("h amount of tax", "IGST @ 18 % ₹180.00"),
        ("words", "Rupees One Thousand One Hundred Eighty Only"),
        ("what it is not", "not a tax invoice"),
    ],
)
def test_every_particular_of_rule_50_is_printed(clause, printed):
    assert printed in text_of(a_receipt_voucher()), clause


@pytest.mark.parametrize(
    ("clause", "printed"),
    [
        *COMMON,
        ("title", "REFUND VOUCHER"),
        ("b number", "RFV/26-27/000001"),
        ("c date", "3 Dec 2026"),
        ("e number and date of the receipt voucher", "Receipt voucher RV/26-27/000001 of 29 Nov 2026"),
        ("g amount refunded", "Advance refunded ₹590.00"),
        ("i tax", "IGST @ 18 % ₹90.00"),
    ],
)
def test_every_particular_of_rule_51_is_printed(clause, printed):
    assert printed in text_of(a_refund_voucher()), clause


def test_inside_the_state_both_heads_are_printed():
    taxes = (TaxLine("CGST", 900, 1_000_00, 90_00), TaxLine("SGST", 900, 1_000_00, 90_00))
    text = text_of(a_receipt_voucher(taxes=taxes, place_of_supply="29"))
    assert "CGST @ 9 % ₹90.00 SGST @ 9 % ₹90.00" in text


def test_an_export_under_an_undertaking_shows_its_legend_destination_and_no_tax():
    text = text_of(
        a_receipt_voucher(
            currency=Currency.USD,
            buyer=a_party(country="US", state_code=None, gstin=None),
            place_of_supply="96",
            supply_type="EXPWOP",
            legend=LEGEND_WITHOUT_TAX,
            total_minor=1_000_00,
            taxes=(TaxLine("IGST", 0, 1_000_00, 0),),
        )
    )
    assert LEGEND_WITHOUT_TAX in text
    assert "Destination United States" in text
    assert "IGST @ 0 % $0.00" in text


def test_long_names_and_large_amounts_stay_on_one_page():
    text = text_of(
        a_refund_voucher(
            total_minor=1_180_000_000_000_00,
            taxable_minor=1_000_000_000_000_00,
            taxes=(TaxLine("IGST", 1800, 1_000_000_000_000_00, 180_000_000_000_00),),
            buyer=a_party(legal_name="Very Long Name " * 12, address_lines=("A street with a name " * 6,) * 4),
            payment="pay_" + "x" * 120,
        )
    )
    assert "₹11,80,00,00,00,000.00" in text


@pytest.mark.parametrize("voucher", [a_receipt_voucher(), a_refund_voucher()], ids=["receipt", "refund"])
def test_the_page_is_drawn_as_it_was_approved_by_eye(voucher):
    """What is drawn, without the fonts, whose files differ from one machine to the next."""
    (page,) = PdfReader(io.BytesIO(render_voucher(voucher))).pages
    assert hashlib.sha256(page.get_contents().get_data()).hexdigest() == GOLDEN[voucher.kind]


def test_the_same_voucher_gives_the_same_bytes():
    assert render_voucher(a_refund_voucher()) == render_voucher(a_refund_voucher())


@pytest.mark.parametrize("changes", [{"total_minor": 1}, {"receipt": ("RV/26-27/000001", date(2026, 11, 29))}])
def test_a_voucher_that_contradicts_itself_cannot_be_made(changes):
    with pytest.raises(ValueError, match=r"total|receipt"):
        replace(a_receipt_voucher(), **changes)
