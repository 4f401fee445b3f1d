"""Customers on the real books: created, changed in part, archived, each with both sides in the audit record."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors import batch_wiring, wiring
from domain.customers.customer import read_customer
from domain.errors import Invalid, NotFound
from domain.period import BillingMonth
from invoicing.administer import Author, top_up
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Batch
from invoicing.keep_accounts import close_account, open_account
from invoicing.write_customer import archive_customer, create_customer, update_customer
from tests.books import AUTHOR, NOVEMBER_2, an_event, book, open_shop
from tests.builders_customers import a_customer_abroad, a_customer_document, an_account_document
from tests.domain_faults import faults_of
from tests.metering_books import Books

pytestmark = pytest.mark.engines

CONTACT = {"name": "Asha Rao", "email": "asha@acme.example", "roles": ["billing", "owner"]}
FULL = {
    "trade_name": "Acme",
    "phone": "+91 80 4567 8900",
    "addresses": {"shipping": {"lines": ["2 High Street"], "city": "London", "postal_code": "SW1A 1AA", "country": "GB"}},
    "tax": {"pan": "AAPFU0939F", "tan": "MUMA12345B"},
    "languages": ["en-IN", "hi"],
    "contacts": [CONTACT, {**CONTACT, "email": "ravi@acme.example", "phone": "+91 98765 43210"}],
    "notifications": {"balance_low": ["email", "sms"], "plan_changed": []},
}


@pytest.fixture(name="books")
def _books(database):
    open_shop()
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


def create(document):
    return create_customer(wiring.administration(), document, author=AUTHOR)


def update(patch, code="acme"):
    return update_customer(wiring.administration(), code, patch, author=AUTHOR)


def archive(code="acme", **document):
    return archive_customer(wiring.administration(), code, document, author=AUTHOR)


def stored(code="acme"):
    found = wiring.customer_reader().customer(code)
    assert found is not None
    return found[0]


def audited(books):
    return books.rows("SELECT action, subject, before, after FROM audit_record WHERE subject = 'acme' ORDER BY audit_id")


@pytest.mark.parametrize("document", [a_customer_document(), a_customer_document(**FULL), a_customer_abroad()])
def test_a_customer_comes_back_from_the_books_as_it_went_in(books, document):
    assert create(document).version == 1
    kept = stored(document["code"])
    assert kept.customer == read_customer(document)
    assert (kept.revision, kept.created_at, kept.archived_at) == (1, AUTHOR.at, None)


def test_creating_it_again_changes_nothing_and_another_under_its_code_is_refused(books):
    create(a_customer_document())
    assert not create(a_customer_document()).changed
    (fault,) = faults_of(lambda: create(a_customer_document(email="other@acme.example")))
    assert fault.startswith("code: customer acme exists already: it differs in email; change it with `billing customers")
    assert len(audited(books)) == 1


def test_a_change_is_audited_with_both_sides_and_makes_the_next_version(books):
    create(a_customer_document(**FULL))
    before = stored().customer.document()
    written = update({"version": 1, "phone": None, "contacts": [CONTACT], "notifications": None, "languages": ["en"]})
    assert (written.version, written.changed) == (2, True)
    after = stored().customer.document()
    assert [contact["email"] for contact in after["contacts"]] == ["asha@acme.example"]
    assert "phone" not in after
    assert [(action, was, now) for action, _, was, now in audited(books)] == [
        ("customer.created", None, before),
        ("customer.updated", before, after),
    ]


def test_a_change_to_what_is_there_already_is_none(books):
    create(a_customer_document())
    assert not update({"legal_name": "Acme Private Limited"}).changed
    assert stored().revision == 1
    assert len(audited(books)) == 1


def test_the_second_of_two_editors_is_refused_and_told_to_read_again(books):
    create(a_customer_document())
    update({"version": 1, "email": "first@acme.example"})
    (fault,) = faults_of(lambda: update({"version": 1, "email": "second@acme.example"}))
    assert fault == (
        "version: is 1, and customer acme is at 2 by now: read it again, and repeat the change if it still holds"
    )
    assert stored().customer.email == "first@acme.example"


def test_of_many_editors_at_once_one_is_heard(books):
    create(a_customer_document())

    def edit(number):
        try:
            return update({"version": 1, "email": f"editor-{number}@acme.example"}).changed
        except Invalid:
            return False

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(edit, range(6))) == 1
    assert stored().revision == 2


def test_a_version_that_is_no_number_and_a_wrong_field_are_named_together(books):
    create(a_customer_document())
    found = faults_of(lambda: update({"version": "1", "email": "x", "code": "bolt", "tax": {"gstin": "27AAPFU0939F1ZW"}}))
    assert [fault.split(":")[0] for fault in found] == ["version", "code", "email", "tax.gstin"]
    assert stored().revision == 1


def test_a_customer_that_is_not_there_is_not_found(books):
    for code in ("acme", "a\0b", "x" * 10**6, "\ud800", "' OR 1=1 --"):
        with pytest.raises(NotFound, match="does not exist"):
            update({"email": "a@b.example"}, code)
        assert wiring.customer_reader().customer(code) is None


def test_a_shown_customer_edited_and_given_back_is_a_change(books):
    create(a_customer_document())
    shown = {**stored().customer.document(), "version": 1, "about": {"status": "active"}, "trade_name": "Acme"}
    assert update(shown).version == 2
    assert stored().customer.trade_name == "Acme"


def test_a_customer_is_archived_when_nothing_is_open_and_stays_readable(books):
    create(a_customer_document())
    assert archive(version=1).version == 2
    assert not archive().changed
    assert stored().archived_at == AUTHOR.at
    assert wiring.customer_reader().customers(words=None, archived=False, limit=10) == []
    (row,) = wiring.customer_reader().customers(words="ACME", archived=True, limit=10)
    assert (row["customer"], row["status"]) == ("acme", "archived")
    assert "is archived" in faults_of(lambda: update({"email": "a@b.example"}))[0]
    assert "it is archived" in faults_of(lambda: create(a_customer_document()))[0]
    found = faults_of(lambda: open_account(wiring.administration(), an_account_document(), author=AUTHOR))
    assert found == ["customer: acme is archived: create another customer"]


def test_what_stands_in_the_way_of_archiving_is_named_account_by_account(books, database):
    create(a_customer_document())
    store = wiring.administration()
    postpaid = an_account_document(code="acme-later", mode="postpaid", plan="otp-inr", aliases=["later"])
    open_account(store, an_account_document(), author=AUTHOR)
    open_account(store, postpaid, author=AUTHOR)
    top_up(store, account_code="acme-live", amount=Decimal(1_000), reference="UTR-1", author=AUTHOR)
    book(database, [an_event("later")], warehouse=False)
    assert faults_of(archive) == [
        "accounts.acme-later: is open: `billing accounts close acme-later` first",
        "accounts.acme-later: used 0.20 INR that is on no invoice yet: invoice it first",
        "accounts.acme-later: owes 0.20 INR: collect it first",
        "accounts.acme-live: is open: `billing accounts close acme-live` first",
        "accounts.acme-live: holds 1000.00 INR: refund it first",
    ]
    later = Author("tests", AUTHOR.at + timedelta(days=60))
    for code in ("acme-live", "acme-later"):
        close_account(store, code, closes_at=later.at, author=later)
    assert [fault for fault in faults_of(archive) if "is open" in fault] == []


def test_the_invoice_takes_its_facts_from_the_customer(books, database, cache, warehouse):
    create(a_customer_document(**FULL))
    terms = {"mode": "postpaid", "plan": "otp-inr", "aliases": ["web"], "payment_term_days": 45}
    open_account(wiring.administration(), an_account_document(**terms), author=AUTHOR)
    book(database, [an_event("web")])
    drafts = batch_wiring.invoice_book().drafts
    drafted = draft_invoices(BillingMonth(2026, 10), Batch(0, 1), drafts=drafts, now=NOVEMBER_2)
    assert drafted.failures == ()
    ((document,),) = books.rows("SELECT document FROM invoice")
    assert document["buyer"]["address_lines"] == ["14 Marine Lines", "Mumbai 400020, Maharashtra"]
    assert (document["buyer"]["gstin"], document["place_of_supply"]) == ("27AAPFU0939F1ZV", "27")


def test_taking_back_a_field_that_does_not_exist_is_a_slip_that_is_named(books):
    create(a_customer_document(**FULL))
    found = faults_of(lambda: update({"phnoe": None, "addresses": {"shiping": None, "registered": None}, "languages": None}))
    assert [fault.split(":")[0] for fault in found] == ["addresses.shiping", "phnoe"]
    assert stored().revision == 1
