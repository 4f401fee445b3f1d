"""Printing: a PDF for each issued invoice, the same bytes every time, written once."""

import hashlib

import pytest

from connectors import batch_wiring
from connectors.files.invoice_folder import InvoiceFolderOnDisk
from domain.errors import BillingError
from invoicing.print_invoices import print_invoices
from tests.books import NOVEMBER_2, an_event, book, open_account
from tests.invoicing.month import EVERYBODY, OCTOBER, invoice_month

pytestmark = pytest.mark.engines


@pytest.fixture
def folder(tmp_path, shop, cache):
    open_account("acme")
    open_account("bravo")
    book(shop, [an_event("acme", quantity=100), an_event("bravo", quantity=100)])
    invoice_month()
    return InvoiceFolderOnDisk(tmp_path)


def print_all(folder, printer=None):
    return print_invoices(
        OCTOBER,
        EVERYBODY,
        invoices=batch_wiring.invoice_book().invoices,
        printer=printer or batch_wiring.invoice_printer(),
        folder=folder,
        now=NOVEMBER_2,
    )


def test_each_issued_invoice_is_a_pdf_named_by_its_number_whose_digest_is_kept(folder):
    printed = print_all(folder)

    assert (printed.printed, printed.already_printed) == (2, 0)
    path = folder.root / "2026-10" / "OTP-26-27-000001.pdf"
    assert path.read_bytes().startswith(b"%PDF-")
    copy = batch_wiring.invoice_book().invoices.get("OTP/26-27/000001").copy
    assert (copy.path, copy.digest) == ("2026-10/OTP-26-27-000001.pdf", hashlib.sha256(path.read_bytes()).hexdigest())
    assert sorted(found.name for found in path.parent.iterdir()) == ["OTP-26-27-000001.pdf", "OTP-26-27-000002.pdf"]


def test_printing_again_writes_nothing(folder):
    print_all(folder)
    written = {path: path.stat().st_mtime_ns for path in folder.root.rglob("*.pdf")}

    again = print_all(folder)

    assert (again.printed, again.already_printed) == (0, 2)
    assert {path: path.stat().st_mtime_ns for path in folder.root.rglob("*.pdf")} == written


def test_a_lost_or_damaged_copy_is_made_again_with_the_same_bytes(folder):
    print_all(folder)
    lost, damaged = sorted(folder.root.rglob("*.pdf"))
    before = lost.read_bytes(), damaged.read_bytes()
    lost.unlink()
    damaged.write_bytes(b"%PDF-half")

    again = print_all(folder)

    assert again.printed == 2
    assert (lost.read_bytes(), damaged.read_bytes()) == before


def test_a_second_form_of_an_issued_invoice_is_refused(folder):
    print_all(folder)
    first, _ = sorted(folder.root.rglob("*.pdf"))
    first.unlink()

    with pytest.raises(BillingError, match=r"invoice OTP/26-27/000001 was printed as .* a second form .* is not made"):
        print_all(folder, printer=lambda invoice: b"%PDF-another form")

    assert not first.exists()
