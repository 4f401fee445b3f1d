"""`billing invoices`: every step as a person or a DAG task runs it."""

import json
from datetime import timedelta

import pytest

from connectors import batch_wiring, clock
from connectors.files.invoice_folder import InvoiceFolderOnDisk
from domain.period import BillingMonth
from tests.books import an_event, book, open_account, open_shop, send_to_warehouse

pytestmark = pytest.mark.engines
NOW = clock.now()
MONTH = str(BillingMonth(NOW.year, NOW.month).previous())
THIS_MONTH = str(BillingMonth(NOW.year, NOW.month))
A_DAY_OF_IT = NOW.replace(day=1, hour=0) - timedelta(days=10)


@pytest.fixture
def shop(database, warehouse, cache, tmp_path, monkeypatch):
    """Usage of last month by an account that can be invoiced and one that cannot; PDFs go to a folder of the test."""
    monkeypatch.setattr(batch_wiring, "invoice_folder", lambda: InvoiceFolderOnDisk(tmp_path))
    open_shop()
    open_account("acme")
    open_account("torn", state_code="29")
    book(database, [an_event(code, quantity=100, at=A_DAY_OF_IT) for code in ("acme", "torn")], received_at=NOW)
    return database


STEPS = (("start",), ("draft",), ("recompute",), ("approve", "--by", "Asha Rao"), ("issue",), ("print",))


@pytest.fixture
def step(billing):
    """Runs a step for the month with --json and gives what it printed."""

    def run(name, *options):
        ran = billing("invoices", name, "--month", MONTH, *options, "--json")
        assert ran.code == 0, ran.err
        (line,) = ran.out.splitlines()
        return json.loads(line)

    return run


def test_the_steps_of_a_run_print_one_json_line_each(shop, step, tmp_path):
    assert step("start")["approved_by"] is None
    assert step("batches") == [{"batch": 0, "of": 1}]
    drafted = step("draft", "--batch", "0", "--of", "1")
    assert (drafted["drafted"], [failure["account"] for failure in drafted["failures"]]) == (1, ["torn"])
    summary = step("summary")
    assert summary["drafts"][0] | {"total": "₹23.60", "total_minor": 23_60, "invoices": 1} == summary["drafts"][0]
    assert step("recompute")["agrees"] is True
    assert step("approve", "--by", "Asha Rao")["approved_by"] == "Asha Rao"
    issued = step("issue")
    assert (issued["issued"], issued["first_number"], issued["last_number"]) == (1, *[issued["first_number"]] * 2)
    assert step("print")["printed"] == 1
    (row,) = step("list")
    assert (row["account"], row["status"], row["number"]) == ("acme", "issued", issued["first_number"])
    assert (tmp_path / row["pdf"]).read_bytes().startswith(b"%PDF-")
    assert step("summary")["printed"] == 1


def test_the_same_steps_can_be_read_by_a_person(shop, billing, step):
    for name, *options in STEPS:
        ran = billing("invoices", name, "--month", MONTH, *options)
        assert ran.code == 0, ran.err
        assert MONTH in ran.out
    (row,) = step("list")

    shown = billing("invoices", "show", row["number"])

    assert "OTP delivered (sms)" in shown.out
    assert "₹23.60" in shown.out
    assert "₹23.60" in billing("invoices", "summary", "--month", MONTH).out
    assert row["number"] in billing("invoices", "list", "--month", MONTH).out


def test_an_invoice_is_shown_as_json_with_its_document_and_digest(shop, billing, step):
    for name, *options in STEPS:
        step(name, *options)
    (row,) = step("list")

    shown = json.loads(billing("invoices", "show", row["number"], "--json").out)

    assert (shown["account_code"], shown["total_minor"], len(shown["lines"])) == ("acme", 23_60, 1)
    assert len(shown["pdf_digest"]) == 64


def test_a_month_that_has_not_ended_is_refused_with_1_unless_a_draft_is_asked_for(shop, billing):
    refused = billing("invoices", "start", "--month", THIS_MONTH)

    assert refused.code == 1
    assert refused.out == ""
    assert refused.err.startswith(f"billing: {THIS_MONTH} has not ended: it runs until ")
    assert billing("invoices", "draft", "--month", THIS_MONTH).code == 1
    assert billing("invoices", "draft", "--month", THIS_MONTH, "--allow-open").code == 0


def test_books_that_do_not_balance_refuse_the_start_with_1(shop, billing):
    book(shop, [an_event("acme", at=A_DAY_OF_IT)], received_at=NOW, warehouse=False)

    refused = billing("invoices", "start", "--month", MONTH)

    assert refused.code == 1
    assert "the books do not balance: revenue INR" in refused.err
    send_to_warehouse()
    assert billing("invoices", "start", "--month", MONTH).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("issue", "--month", MONTH), 1, f"no invoice run of {MONTH} was started"),
        (("approve", "--month", MONTH, "--by", " "), 2, "by: an approval needs the name of a person"),
        (("draft", "--month", MONTH, "--batch", "4", "--of", "4"), 2, "batch 4 of 4: batches are numbered from 0 to 3"),
        (("draft", "--month", "2026-13"), 2, "billing month '2026-13' is not of the form"),
        (("show", "OTP/26-27/999999"), 1, "no invoice is 'OTP/26-27/999999'"),
    ],
)
def test_a_refusal_is_a_sentence_and_an_exit_code(shop, billing, arguments, code, sentence):
    refused = billing("invoices", *arguments)

    assert refused.code == code
    assert " ".join(sentence.split()) in " ".join(refused.err.replace("│", " ").split())


def test_without_a_seller_drafting_says_what_the_database_lacks(database, warehouse, billing):
    refused = billing("invoices", "draft", "--month", MONTH)

    assert refused.code == 4
    assert "the database has 0 sellers and invoices need exactly one" in refused.err
