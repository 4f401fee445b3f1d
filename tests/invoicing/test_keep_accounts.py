"""Accounts on the real books: opened, changed in part, closed; refused with every fault, and nothing half done."""

from datetime import timedelta

import pytest

from connectors import wiring
from domain.errors import NotFound
from invoicing.administer import Author
from invoicing.keep_accounts import change_account, choose_thresholds, close_account, open_account
from invoicing.write_customer import create_customer
from tests.books import AUTHOR, MID_OCTOBER, an_event, book, open_shop
from tests.builders_customers import a_customer_document, an_account_document
from tests.domain_faults import faults_of
from tests.metering_books import Books

pytestmark = pytest.mark.engines

LATER = Author("asha", MID_OCTOBER + timedelta(days=60))
HOUR = timedelta(hours=1)
LIVE = {"plan": "otp-inr", "aliases": ["web"]}


@pytest.fixture(name="books")
def _books(database):
    open_shop()
    create_customer(wiring.administration(), a_customer_document(), author=AUTHOR)
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


def open_(**changes):
    return open_account(wiring.administration(), an_account_document(**changes), author=AUTHOR)


def change(patch, code="acme-live"):
    return change_account(wiring.administration(), code, patch, author=LATER)


def close(code="acme-live", *, at=LATER.at, **document):
    return close_account(wiring.administration(), code, document, closes_at=at, author=LATER)


def shown(code="acme-live"):
    found = wiring.account_details().account(code)
    assert found is not None
    return found


def nothing_changed(books, act):
    """Runs what must be refused; its faults. The books are as they were, the version of the configuration too."""
    tables = ("account", "alias", "subscription", "wallet", "audit_record", "config_change", "account_threshold")
    before = [books.rows(f"SELECT t::text FROM {table} t") for table in tables]
    found = faults_of(act)
    assert [books.rows(f"SELECT t::text FROM {table} t") for table in tables] == before
    return found


def test_an_opened_account_is_rated_at_once_and_comes_back_as_it_went_in(books, database):
    written = open_(**LIVE, name="Live", payment_term_days=30).written
    assert (written.version, written.changed) == (1, True)
    assert book(database, [an_event("web")], warehouse=False).outcomes
    stored, about = shown()
    expected = an_account_document(name="Live", payment_term_days=30)
    assert stored.account.document() == expected
    assert (about["aliases"], about["balance"]) == (["web"], "-0.200000")
    ((action, before, after),) = books.rows("SELECT action, before, after FROM audit_record WHERE subject = 'acme-live'")
    assert (action, before, after) == ("account.opened", None, expected | {"aliases": ["web"], "plan": "otp-inr"})
    assert not open_(**LIVE, name="Live", payment_term_days=30).written.changed


def test_currency_and_time_zone_are_the_customers_when_not_said(books):
    open_(currency=None, time_zone=None)
    account = shown()[0].account
    assert (account.currency, account.time_zone) == ("INR", "Asia/Kolkata")


def test_an_account_is_opened_below_another_and_billed_and_paid_there(books):
    open_(code="group")
    written = open_(parent="group", bill_to="group", pay_from="group").written
    account, _ = shown()
    assert (account.account.parent, account.account.bill_to, account.account.pay_from) == ("group", "group", "group")
    assert written.version == account.revision
    ((payer,),) = books.rows(
        "SELECT p.code FROM account a JOIN account p ON p.account_id = a.pay_from_account_id WHERE a.code = 'acme-live'"
    )
    assert payer == "group"


def test_every_fault_of_an_opening_is_named_and_nothing_of_it_is_there(books):
    open_(code="dollars", currency="USD")
    open_(code="taken", aliases=["web"])
    found = nothing_changed(
        books, lambda: open_(plan="nothing", aliases=["web", "fine"], parent="dollars", bill_to="dollars", pay_from="nobody")
    )
    assert [fault.split(":")[0] for fault in found] == ["plan", "aliases[0]", "bill_to", "pay_from"]
    assert "alias 'web' names account taken already" in found[1]
    assert "is in INR and dollars in USD" in found[2]
    assert "'nobody' does not exist" in found[3]


@pytest.mark.parametrize("document", [None, [], "x" * 10**6, {}, {"customer": "a\0"}, {"customer": "\ud800", "mode": 1}])
def test_what_is_no_account_is_refused(books, document):
    assert nothing_changed(books, lambda: open_account(wiring.administration(), document, author=AUTHOR))


def test_another_account_under_a_code_that_is_taken_is_refused(books):
    open_()
    (fault,) = nothing_changed(books, lambda: open_(mode="postpaid"))
    assert fault.startswith("code: account acme-live exists already and differs in mode")


def test_a_circle_in_the_tree_is_refused(books):
    open_()
    open_(code="below", parent="acme-live")
    (fault,) = nothing_changed(books, lambda: change({"parent": "below"}))
    assert fault == "parent: below stands below acme-live; a tree has no circles"
    (fault,) = nothing_changed(books, lambda: change({"parent": "acme-live"}))
    assert "a tree has no circles" in fault


def test_a_change_moves_an_account_with_what_it_leans_on_in_one_step(books, database):
    for code in ("old", "new"):
        open_(code=code, mode="postpaid")
    open_(mode="postpaid", parent="old", bill_to="old", pay_from="old", **LIVE)
    book(database, [an_event("web")], warehouse=False)

    moved = change({"parent": "new", "bill_to": "new", "pay_from": "new", "payment_term_days": 7})

    account = shown()[0].account
    assert (account.parent, account.bill_to, account.pay_from, account.payment_term_days) == ("new", "new", "new", 7)
    assert {books.balance("old"), books.balance("new")} == {0, -books.totals("acme-live").popitem()[1][1]}
    assert len(moved.balances) == 2
    ((before, after),) = books.rows("SELECT before, after FROM audit_record WHERE action = 'account.changed'")
    assert (before["parent"], after["parent"], after["payment_term_days"]) == ("old", "new", 7)


def test_the_second_of_two_editors_of_an_account_is_refused(books):
    open_()
    assert change({"version": 1, "name": "First"}).written.version == 2
    (fault,) = nothing_changed(books, lambda: change({"version": 1, "name": "Second"}))
    assert fault.startswith("version: is 1, and account acme-live is at 2 by now")


def test_arranging_an_account_is_a_new_version_too(books):
    from invoicing.arrange_accounts import set_parent

    open_()
    open_(code="group")
    set_parent(wiring.administration(), "acme-live", parent="group", author=AUTHOR)
    assert faults_of(lambda: change({"version": 1, "name": "x"}))


def test_a_time_zone_stays_once_usage_is_booked_in_its_months(books, database):
    open_(**LIVE)
    change({"time_zone": "Asia/Dubai"})
    book(database, [an_event("web")], warehouse=False)
    (fault,) = nothing_changed(books, lambda: change({"time_zone": "Asia/Kolkata"}))
    assert fault == "time_zone: is Asia/Dubai for good: usage is booked in its months; open another account"


def test_events_after_an_account_was_closed_wait_and_those_before_are_invoiced(books, database):
    open_(**LIVE)
    book(database, [an_event("web")], warehouse=False)
    closing = MID_OCTOBER + HOUR
    assert close(at=closing).written.version == 2
    assert not close(at=closing).written.changed
    book(database, [an_event("web", at=closing), an_event("web", at=closing - HOUR / 2)], warehouse=False)
    assert books.outcomes() == {"rated": 2, "quarantined": 1}
    stored, about = shown()
    assert (stored.status, stored.closed_at, about["aliases"]) == ("closed", closing, [])
    assert books.rows("SELECT upper(validity) FROM subscription") == [(closing,)]
    assert "is closed and stays as it is" in nothing_changed(books, lambda: change({"name": "x"}))[0]
    assert "exists already and is closed" in faults_of(open_)[0]


def test_what_stands_in_the_way_of_closing_is_named(books, database):
    open_(**LIVE)
    open_(code="below", parent="acme-live")
    book(database, [an_event("web")], warehouse=False)
    found = nothing_changed(books, lambda: close(at=MID_OCTOBER - HOUR, version=7))
    assert found[0].startswith("version: is 7, and account acme-live is at 1 by now")
    assert found[1] == "account below stands below acme-live: close it first, or set its parent"
    assert "1 event of alias 'web' from then on are booked" in found[2]
    (fault,) = [fault for fault in nothing_changed(books, lambda: close(at=LATER.at + HOUR)) if fault.startswith("at")]
    assert "which is still to come" in fault


def test_an_alias_that_is_mapped_for_later_ends_with_the_account(books):
    from invoicing.name_accounts import map_alias

    open_()
    map_alias(wiring.administration(), "later", account_code="acme-live", start=LATER.at + HOUR, author=AUTHOR)
    close()
    assert books.rows("SELECT count(*) FROM alias") == [(0,)]


def test_thresholds_replace_each_other_and_are_audited(books):
    open_()
    chosen = {"thresholds": [{"kind": "days_of_runway", "days": 3}, {"kind": "absolute", "amount": "500.00"}]}
    store = wiring.administration()
    assert choose_thresholds(store, "acme-live", chosen, author=AUTHOR).changed
    assert not choose_thresholds(store, "acme-live", chosen, author=AUTHOR).changed
    assert books.rows("SELECT kind, value FROM account_threshold ORDER BY kind") == [
        ("absolute", 500_000_000),
        ("days_of_runway", 3),
    ]
    assert choose_thresholds(store, "acme-live", {"thresholds": []}, author=AUTHOR).changed
    assert shown()[1]["thresholds"] == []
    rows = books.rows("SELECT before, after FROM audit_record WHERE action = 'threshold.set' ORDER BY audit_id")
    assert rows[1] == (rows[0][1], {"thresholds": []})


def test_an_account_that_is_not_there_is_not_found(books):
    for code in ("nobody", "a\0", "x" * 10**6):
        for act in (lambda code=code: change({}, code), lambda code=code: close(code)):
            with pytest.raises(NotFound):
                act()
