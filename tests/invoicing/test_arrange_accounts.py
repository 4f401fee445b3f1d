"""Arranging accounts: a parent's wallet pays, a parent's invoice carries, and the books hold through every change."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connectors import batch_wiring, wiring
from domain.errors import InvalidInput
from invoicing.administer import top_up
from invoicing.arrange_accounts import set_bill_to, set_parent, set_pay_from
from tests.books import AUTHOR, an_event, book, open_account, open_shop
from tests.invoicing.month import NOVEMBER, draft, invoice_month
from tests.metering_books import Books, Topic, Worker, at_once

pytestmark = pytest.mark.engines


@pytest.fixture
def books(database, warehouse, cache):
    """group above india above mumbai and pune, all postpaid; every check of sql/checks/ holds when the test is over."""
    open_shop()
    for code, parent in (("group", None), ("india", "group"), ("mumbai", "india"), ("pune", "india")):
        open_account(code)
        if parent is not None:
            set_parent(wiring.administration(), code, parent=parent, author=AUTHOR)
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


def pay_from(code, payer):
    return set_pay_from(wiring.administration(), code, pay_from=payer, author=AUTHOR)


def bill_to(code, target):
    return set_bill_to(wiring.administration(), code, bill_to=target, author=AUTHOR)


def wallets(books):
    """Balances in micros by account, those that are not zero."""
    rows = books.rows("SELECT code, balance_micros FROM wallet JOIN account USING (account_id) WHERE balance_micros <> 0")
    return dict(rows)


def lines(books):
    """Invoices by account with the description and amount of their lines, in order."""
    rows = books.rows(
        "SELECT a.code, line ->> 'description', (line ->> 'amount_minor')::int FROM invoice i"
        " JOIN account a USING (account_id), jsonb_array_elements(document -> 'lines') WITH ORDINALITY AS l (line, place)"
        " ORDER BY a.code, place"
    )
    found: dict[str, list[tuple[str, int]]] = {}
    for code, description, amount in rows:
        found.setdefault(code, []).append((description, amount))
    return found


# Pay from


def test_usage_is_debited_from_the_wallet_an_account_pays_from_at_any_level_above_it(books, database):
    pay_from("mumbai", "group")
    book(database, [an_event("mumbai"), an_event("pune"), an_event("group")], warehouse=False)
    assert wallets(books) == {"group": -400_000, "pune": -200_000}
    totals = books.rows("SELECT code, amount_micros FROM usage_total JOIN account USING (account_id) ORDER BY code")
    assert totals == [("group", 200_000), ("mumbai", 200_000), ("pune", 200_000)]


def test_two_workers_on_accounts_of_one_wallet_debit_it_by_everything(books):
    for code in ("india", "mumbai", "pune"):
        pay_from(code, "group")
    topic, one, other = Topic(), Worker("one"), Worker("other")
    for _ in range(8):
        at_once(
            (one, topic.append(*[an_event("mumbai"), an_event("group"), an_event("pune")] * 3, partition=0)),
            (other, topic.append(*[an_event("pune"), an_event("india"), an_event("mumbai")] * 3, partition=1)),
        )
    one.store.close()
    other.store.close()
    # Each list repeats three events three times: the repetitions are duplicates.
    assert books.outcomes() == {"rated": 48, "duplicate": 96}
    assert wallets(books) == {"group": -48 * 200_000}


def test_a_balance_told_again_to_a_redelivery_is_that_of_the_wallet_that_paid(books):
    pay_from("mumbai", "group")
    topic, worker = Topic(), Worker()
    records = topic.append(an_event("mumbai"))
    worker.take(records)
    ((group_id,),) = books.rows("SELECT account_id FROM account WHERE code = 'group'")
    assert [(balance.account_id, balance.balance_micros) for balance in worker.take(records).balances] == [
        (group_id, -200_000)
    ]
    worker.store.close()


def test_what_a_postpaid_account_used_and_was_not_invoiced_for_moves_to_its_new_payer(books, database, cache):
    book(database, [an_event("mumbai", quantity=3), an_event("india")], warehouse=False)
    arranged = pay_from("mumbai", "india")
    assert (arranged.moved_micros, wallets(books)) == (600_000, {"india": -800_000})
    assert {balance.balance_micros for balance in arranged.balances} == {0, -800_000}
    book(database, [an_event("mumbai")], warehouse=False)
    pay_from("mumbai", "mumbai")
    assert wallets(books) == {"india": -200_000, "mumbai": -800_000}
    transfers = books.rows("SELECT amount_micros FROM wallet_entry WHERE cause = 'transfer' ORDER BY amount_micros")
    assert transfers == [(-800_000,), (-600_000,), (600_000,), (800_000,)]


def test_those_that_pay_from_an_account_go_along_and_so_does_what_they_owe(books, database):
    pay_from("mumbai", "india")
    book(database, [an_event("mumbai"), an_event("india")], warehouse=False)
    arranged = pay_from("india", "group")
    assert [account.code for account in arranged.accounts] == ["india", "mumbai"]
    assert wallets(books) == {"group": -400_000}


def test_a_prepaid_account_leaves_what_it_paid_where_it_was_paid(books, database):
    open_account("head", mode="prepaid")
    open_account("branch", mode="prepaid")
    set_parent(wiring.administration(), "branch", parent="head", author=AUTHOR)
    book(database, [an_event("branch")], warehouse=False)
    assert pay_from("branch", "head").moved_micros == 0
    book(database, [an_event("branch")], warehouse=False)
    assert wallets(books) == {"branch": -200_000, "head": -200_000}


def test_a_top_up_of_an_account_that_pays_from_another_is_refused_by_the_name_of_the_payer(books):
    pay_from("mumbai", "group")
    with pytest.raises(InvalidInput, match="account mumbai pays from group: top up group"):
        top_up(wiring.administration(), account_code="mumbai", amount=Decimal(1), reference="R", author=AUTHOR)


# Bill to


def test_the_usage_of_accounts_billed_to_one_is_on_its_invoice_and_each_line_says_whose_it_is(books, database):
    bill_to("mumbai", "group")
    bill_to("pune", "group")
    events = [an_event(code, quantity=100) for code in ("pune", "mumbai", "group", "india")]
    book(database, [*events, an_event("mumbai", quantity=10, channel="whatsapp")])

    invoice_month()

    assert lines(books) == {
        "group": [
            ("OTP delivered (sms)", 20_00),
            ("OTP delivered (sms), mumbai", 20_00),
            ("OTP delivered (whatsapp), mumbai", 1_45),
            ("OTP delivered (sms), pune", 20_00),
        ],
        "india": [("OTP delivered (sms)", 20_00)],
    }
    buyers = books.rows("SELECT document -> 'buyer' ->> 'legal_name' FROM invoice ORDER BY number")
    assert buyers == [("Group Private Limited",), ("India Private Limited",)]
    assert wallets(books) == {}


def test_an_invoice_settles_the_wallets_that_carry_its_usage_and_a_wallet_may_carry_that_of_several(books, database):
    bill_to("mumbai", "india")  # pays from its own wallet
    pay_from("pune", "group")  # gets its own invoice
    book(database, [an_event(code, quantity=100) for code in ("mumbai", "pune", "group", "india")])

    issued = invoice_month()

    assert len(issued.numbers) == 3
    assert wallets(books) == {}
    settled = books.rows(
        "SELECT a.code, e.reference, e.amount_micros FROM wallet_entry e JOIN wallet USING (wallet_id)"
        " JOIN account a USING (account_id) WHERE cause = 'invoice' ORDER BY e.reference, a.code"
    )
    group, india, pune = issued.numbers
    assert settled == [
        ("group", group, 20_000_000),
        ("india", india, 20_000_000),
        ("mumbai", india, 20_000_000),
        ("group", pune, 20_000_000),
    ]


def test_an_account_that_comes_to_be_billed_to_another_loses_its_draft_to_that_ones(books, database):
    book(database, [an_event("mumbai", quantity=100)])
    draft()
    bill_to("mumbai", "group")
    drafted = draft()
    assert (drafted.changes.drafted, drafted.changes.removed) == (1, 1)
    assert lines(books) == {"group": [("OTP delivered (sms), mumbai", 20_00)]}


def test_what_was_due_when_the_new_bill_to_was_invoiced_already_is_late_on_its_next_invoice(books, database):
    book(database, [an_event("group", quantity=100)])
    invoice_month()
    book(database, [an_event("mumbai", quantity=100)])
    bill_to("mumbai", "group")
    invoice_month(NOVEMBER, now=datetime(2026, 12, 2, tzinfo=UTC))
    late = books.rows("SELECT document -> 'lines' -> 0 -> 'late' FROM invoice ORDER BY number")
    assert late == [(False,), (True,)]


def test_balances_of_every_wallet_that_an_invoice_concerns_are_told(books, database, cache):
    bill_to("mumbai", "group")
    pay_from("pune", "group")
    book(database, [an_event(code, quantity=100) for code in ("mumbai", "pune")])
    invoice_month()
    told = batch_wiring.balances().read([account_id for (account_id,) in books.rows("SELECT account_id FROM account")])
    booked = batch_wiring.books().balances()
    assert dict(told) == dict(booked)


# What is left on record, and what the database itself refuses


def test_a_change_of_the_tree_is_audited_with_what_was_before_and_after(books):
    pay_from("mumbai", "group")
    (record,) = books.rows("SELECT subject, before, after FROM audit_record WHERE action = 'account.pay_from_set'")
    before = {"parent": "india", "bill_to": "mumbai", "pay_from": "mumbai"}
    assert record == ("mumbai", before, {**before, "pay_from": "group"})


def test_a_change_to_what_is_already_so_writes_nothing(books):
    pay_from("mumbai", "group")
    state = "SELECT version, (SELECT count(*) FROM audit_record) FROM config_version"
    before = books.rows(state)
    assert pay_from("mumbai", "group").accounts == ()
    assert set_parent(wiring.administration(), "mumbai", parent="india", author=AUTHOR).accounts == ()
    assert books.rows(state) == before


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE account SET parent_id = {pune} WHERE code = 'group'", "stand below itself"),
        ("UPDATE account SET parent_id = {india} WHERE code = 'india'", "account_is_not_its_own_parent|below itself"),
        ("UPDATE account SET pay_from_account_id = {pune} WHERE code = 'mumbai'", "not above it"),
        ("UPDATE account SET bill_to_account_id = {pune} WHERE code = 'mumbai'", "not above it"),
        ("UPDATE account SET pay_from_account_id = {group} WHERE code = 'india'; UPDATE account SET parent_id = NULL"
         " WHERE code = 'india'", "not above it"),
        ("UPDATE account SET pay_from_account_id = {india} WHERE code = 'mumbai'; UPDATE account SET"
         " pay_from_account_id = {group} WHERE code = 'india'", "does not stand for itself"),
        ("UPDATE account SET pay_from_account_id = {india} WHERE code = 'mumbai'; UPDATE account SET mode = 'prepaid'"
         " WHERE code = 'india'", "differ in currency or mode"),
        ("UPDATE account SET currency = 'USD', bill_to_account_id = {india} WHERE code = 'mumbai'", "differ in currency"),
    ],
)  # fmt: skip
def test_the_database_refuses_a_tree_that_breaks_the_rules(books, database, statement, constraint):
    ids = dict(books.rows("SELECT code, account_id FROM account"))
    with pytest.raises(IntegrityError, match=constraint), database.begin() as connection:
        connection.execute(text(statement.format(**ids)))
