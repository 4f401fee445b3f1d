"""The invoice folder: files whole or not at all, and a sentence when it cannot be written."""

import hashlib

import pytest

from connectors.files.invoice_folder import InvoiceFolderOnDisk
from domain.errors import WrongSetup


def test_a_file_is_written_with_its_folders_and_nothing_else_is_left(tmp_path):
    folder = InvoiceFolderOnDisk(tmp_path / "invoices")

    folder.write("2026-10/one.pdf", b"%PDF-1")
    folder.write("2026-10/one.pdf", b"%PDF-2")

    assert [(path.name, path.read_bytes()) for path in (tmp_path / "invoices" / "2026-10").iterdir()] == [
        ("one.pdf", b"%PDF-2")
    ]


def test_a_digest_is_of_the_bytes_on_disk_and_none_without_a_file(tmp_path):
    folder = InvoiceFolderOnDisk(tmp_path)
    folder.write("one.pdf", b"%PDF-1")

    assert folder.digest("one.pdf") == hashlib.sha256(b"%PDF-1").hexdigest()
    assert folder.digest("two.pdf") is None


def test_a_folder_that_cannot_be_written_names_the_setting(tmp_path):
    (tmp_path / "taken").write_text("a file where a folder is meant")

    with pytest.raises(WrongSetup, match=r"cannot write .*one\.pdf .*: set INVOICE_DIR to a folder with room and rights"):
        InvoiceFolderOnDisk(tmp_path / "taken").write("2026-10/one.pdf", b"%PDF-1")
