"""`billing explain` on real books: the arithmetic of an event and of a line, as a person and as a program reads it."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from cli.main import app
from connectors import batch_wiring
from domain.errors import InvalidInput, NotFound
from invoicing.approve_run import approve_run
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Batch, InvoiceRun
from invoicing.issue_invoices import issue_invoices
from invoicing.second_rater_gate import RESULT
from tests.books import MID_OCTOBER, NOVEMBER_2, an_event, book, open_account, open_shop
from tests.builders import OCTOBER
from tests.invoicing.selling import a_usage_charge, publish, put_on

pytestmark = pytest.mark.engines

BEGINNING = MID_OCTOBER - timedelta(days=14)
TIERS = {"model": "graduated", "tiers": [{"up_to": 3, "unit_price": "1"}, {"unit_price": "0.5"}]}


@pytest.fixture(name="shop")
def _shop(database, warehouse):
    open_shop()
    open_account("acme")
    off = {"code": "launch", "kind": "percentage", "description": "Launch offer", "percent": "10"}
    charges = [a_usage_charge("otp.delivered", price=TIERS), off]
    put_on(database, "acme", publish(database, "tiered", charges), start=BEGINNING)
    return database


def run(*arguments):
    return CliRunner().invoke(app, ["explain", *arguments], catch_exceptions=False)


def booked(shop, *quantities):
    events = [an_event("acme", quantity=quantity) for quantity in quantities]
    book(shop, events)
    return [json.loads(event)["id"] for event in events]


def test_an_event_is_explained_with_its_position_before_and_after(shop):
    booked(shop, 2)
    (second,) = booked(shop, 2)

    said = run(second, "--source", "/tests").stdout

    assert "plan tiered v1, usage otp.delivered" in said
    assert "otp.delivered: sum of quantity of otp.delivered" in said
    assert "2026-10 of acme: 2 → 4" in said
    assert "up to 3: 3 × 1.00 = 3.00" in said
    assert "above 3: 1 × 0.50 = 0.50" in said
    assert "comes to  1.50" in said
    assert "10% off 3.50 = -0.35" in said
    assert "together  1.35 INR" in said
    assert max(map(len, said.splitlines())) <= 100


def test_events_of_one_batch_are_told_apart(shop):
    first, second = booked(shop, 2, 2)

    facts = [json.loads(run(event, "--source", "/tests", "--json").stdout)["booked"][0] for event in (first, second)]

    assert [each["parts"][0]["amount_micros"] for each in facts] == [2_000_000, 1_500_000]
    assert [each["parts"][0]["after_millionths"] for each in facts] == [2_000_000, 4_000_000]
    assert [each["amount_micros"] for each in facts] == [1_800_000, 1_350_000]


def test_a_line_of_an_invoice_is_explained(shop):
    booked(shop, 2, 2)
    book_of_invoices = batch_wiring.invoice_book()
    book_of_invoices.runs.save(InvoiceRun(OCTOBER, {RESULT: {"agrees": True}}, NOVEMBER_2), actor="tests", now=NOVEMBER_2)
    draft_invoices(OCTOBER, Batch(0, 1), drafts=book_of_invoices.drafts, now=NOVEMBER_2)
    approve_run(OCTOBER, by="asha", runs=book_of_invoices.runs, now=NOVEMBER_2)
    issue_invoices(OCTOBER, book=book_of_invoices, balances=batch_wiring.balances(), now=NOVEMBER_2)
    number = book_of_invoices.invoices.listing(OCTOBER)[0]["number"]

    said = run("--invoice-line", f"{number}/1").stdout

    assert "above 3: 1 × 0.50 = 0.50" in said
    assert "printed   ₹3.50, rounded once" in said
    assert json.loads(run("--invoice-line", f"{number}/2", "--json").stdout)["amount_micros"] == -350_000


def test_what_there_is_not_is_refused(shop):
    with pytest.raises(NotFound, match="no event 'none'"):
        run("none")
    with pytest.raises(NotFound, match="no issued invoice OTP has a line 1"):
        run("--invoice-line", "OTP/1")
    with pytest.raises(InvalidInput, match="is not a number and a line"):
        run("--invoice-line", "OTP")
    with pytest.raises(InvalidInput, match="name an event"):
        run()
