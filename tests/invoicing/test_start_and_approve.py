"""Starting and approving a run: only from balanced books, only by a person, and an approval covers what was seen."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from connectors import batch_wiring
from domain.errors import BooksDoNotBalance, IllegalTransition, InvalidInput, NotFound
from domain.period import BillingMonth
from invoicing.invoice_ports import Batch
from invoicing.summarise_run import plan_batches
from tests.books import NOVEMBER_2, an_event, book, open_account, send_to_warehouse
from tests.invoicing.month import OCTOBER, approve, draft, invoice_month, start

pytestmark = pytest.mark.engines


def test_a_run_starts_from_balanced_books_and_keeps_their_certificate(shop):
    open_account("acme")
    book(shop, [an_event("acme")])

    start()

    run = batch_wiring.invoice_book().runs.get(OCTOBER)
    assert (run.checked_at, run.approved_by) == (NOVEMBER_2, None)
    assert run.certificate["totals"]["rated"] == 1


def test_a_run_does_not_start_while_clickhouse_lacks_usage_of_the_month(shop):
    open_account("acme")
    book(shop, [an_event("acme")], warehouse=False)

    with pytest.raises(BooksDoNotBalance, match="ClickHouse 0 in 0"):
        start()

    assert batch_wiring.invoice_book().runs.get(OCTOBER) is None
    send_to_warehouse()
    assert start().month == OCTOBER


def test_a_run_does_not_start_before_the_month_has_ended_for_every_account(shop):
    open_account("acme", time_zone="Asia/Jakarta")

    with pytest.raises(
        IllegalTransition, match=r"2026-11 has not ended: it runs until 2026-11-30 17:00 UTC in Asia/Jakarta"
    ):
        start(BillingMonth(2026, 11))


def test_the_first_approval_counts(shop):
    start()

    approve(by="Asha Rao")
    again = approve(by="Somebody Else", now=datetime(2026, 11, 3, tzinfo=UTC))

    assert (again.approved_by, again.approved_at) == ("Asha Rao", NOVEMBER_2)


def test_an_approval_needs_a_run_and_a_name(shop):
    with pytest.raises(NotFound, match="no invoice run of 2026-10 was started"):
        approve()
    with pytest.raises(InvalidInput, match="by: an approval needs the name of a person"):
        approve(by="  ")


def test_starting_again_with_accounts_still_to_invoice_asks_for_a_new_approval(shop):
    open_account("acme")
    book(shop, [an_event("acme")])
    start()
    draft()
    approve()

    again = start(now=datetime(2026, 11, 4, tzinfo=UTC))

    assert again.approved_by is None
    with shop.connect() as connection:
        kept = connection.execute(
            text("SELECT before ->> 'approved_by' FROM audit_record WHERE action = 'invoice_run.started' ORDER BY audit_id")
        )
        assert kept.scalars().all() == [None, "Asha Rao"]


def test_starting_again_when_everything_is_issued_changes_nothing(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])
    invoice_month()

    again = start(now=datetime(2026, 11, 4, tzinfo=UTC))

    assert (again.checked_at, again.approved_by) == (NOVEMBER_2, "Asha Rao")


def test_a_month_has_one_batch_at_least_and_as_many_as_its_accounts_need(shop, monkeypatch):
    invoices = batch_wiring.invoice_book().invoices
    assert plan_batches(OCTOBER, invoices=invoices) == [Batch(0, 1)]
    for code in ("a", "b", "c"):
        open_account(code)
        book(shop, [an_event(code)])
    monkeypatch.setattr("invoicing.summarise_run.BATCH_ACCOUNTS_MAX", 2)

    before = plan_batches(OCTOBER, invoices=invoices)
    draft()

    assert before == [Batch(0, 2), Batch(1, 2)]
    assert plan_batches(OCTOBER, invoices=invoices) == before


def test_batches_are_numbered_from_zero():
    with pytest.raises(InvalidInput, match="batch 4 of 4: batches are numbered from 0 to 3"):
        Batch(4, 4)
