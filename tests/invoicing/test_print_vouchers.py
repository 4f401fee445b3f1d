"""Printing vouchers from the real books: complete, the same bytes every time, never in a second form."""

import io
import json

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from connectors import voucher_wiring
from domain.errors import BillingError, NotFound
from tests.books import open_account
from tests.cli.conftest import billing  # noqa: F401
from tests.invoicing.test_apply_payments import NOW, an_envelope, apply, receive, rows

pytestmark = pytest.mark.engines
RECEIPT, REFUND = "RV/26-27/000001", "RFV/26-27/000001"


@pytest.fixture
def refunded(shop, cache):
    """A payment of which a half went back, and both vouchers."""
    open_account("acme", mode="prepaid")
    receive(shop, an_envelope("captured", "pay_1", 1_180_00))
    receive(shop, an_envelope("refunded", "rfnd_1", 590_00, payment="pay_1"))
    apply()
    return shop


def printed(number):
    return voucher_wiring.voucher_pdf(number, now=NOW)


def words(pdf):
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_a_receipt_voucher_prints_the_parties_and_the_tax_as_they_were(refunded):
    with refunded.begin() as connection:
        connection.execute(text("UPDATE customer SET legal_name = 'Renamed', address_lines = '{Elsewhere}'"))
        connection.execute(text("UPDATE seller SET legal_name = 'Another', address_lines = '{Elsewhere}'"))
    said = words(printed(RECEIPT))
    for particular in (RECEIPT, "Acme Private Limited", "14 Marine Lines", "OTPless Technologies", "IGST @ 18 % ₹180.00"):
        assert particular in said
    assert "Elsewhere" not in said


def test_a_refund_voucher_names_its_receipt_and_is_taxed_as_it_was(refunded):
    said = words(printed(REFUND))
    for particular in (f"{RECEIPT} of 29 Nov 2026", "Advance refunded ₹590.00", "IGST @ 18 % ₹90.00", "Maharashtra (27)"):
        assert particular in said


def test_the_bytes_are_the_same_every_time_and_kept_by_their_digest(refunded):
    assert printed(RECEIPT) == printed(RECEIPT)
    assert rows(refunded, "SELECT number, length(pdf_digest) FROM voucher_copy") == [(RECEIPT, 64)]


def test_a_second_form_of_a_voucher_is_not_given_out(refunded, monkeypatch):
    printed(RECEIPT)
    monkeypatch.setattr(voucher_wiring, "render_voucher", lambda _: b"%PDF-another")
    with pytest.raises(BillingError, match="a second form of a voucher is not made"):
        printed(RECEIPT)


def test_a_voucher_kept_with_less_than_is_printed_is_completed_at_its_first_printing(refunded):
    with refunded.begin() as connection:
        connection.execute(text("ALTER TABLE voucher DISABLE TRIGGER voucher_is_append_only"))
        for path in ("{seller,address_lines}", "{buyer,country}", "{buyer,state_code}", "{legend}"):
            connection.execute(text(f"UPDATE voucher SET document = document #- '{path}'"))
        for path in ("{receipt}", "{place_of_supply}", "{rates_basis_points}"):
            connection.execute(text(f"UPDATE voucher SET document = document #- '{path}' WHERE kind = 'refund'"))
        connection.execute(text("ALTER TABLE voucher ENABLE TRIGGER voucher_is_append_only"))
    assert "Level 4, 80 Feet Road" in words(printed(RECEIPT))
    assert f"{RECEIPT} of 29 Nov 2026" in words(printed(REFUND))


def test_vouchers_are_printed_into_a_folder_by_command(refunded, tmp_path, billing):  # noqa: F811
    ran = billing("wallets", "vouchers", "--pdf", str(tmp_path), "--json")
    assert [row["number"] for row in json.loads(ran.out)] == [RECEIPT, REFUND]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["RFV-26-27-000001.pdf", "RV-26-27-000001.pdf"]
    ran = billing("wallets", "voucher", RECEIPT, "--pdf", str(tmp_path / "more"), "--json")
    assert (ran.code, (tmp_path / "more/RV-26-27-000001.pdf").read_bytes()[:5]) == (0, b"%PDF-")
    assert "shows them" in billing("wallets", "voucher", "RV/26-27/999999").err
    with pytest.raises(NotFound):
        printed("RV/26-27/999999")


def test_the_customer_is_told_of_the_payment_and_of_the_refund_with_the_numbers_of_their_vouchers(refunded):
    told = rows(
        refunded,
        "SELECT type, data ->> 'voucher', data ->> 'paid_minor', data ->> 'credited_minor' FROM outbox_message"
        " WHERE topic = 'notifications' ORDER BY message_id",
    )
    assert told == [
        ("notification.payment_received", RECEIPT, "118000", "100000"),
        ("notification.payment_refunded", REFUND, "59000", "50000"),
    ]
