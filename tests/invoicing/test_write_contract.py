"""Contracts in the books: what they change for whoever rates, and what they may not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from connectors import batch_wiring, metering_wiring, wiring
from domain.errors import Invalid, InvalidInput, NotFound
from domain.invoice.assemble import PaymentMode
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.administer import Author
from invoicing.invoice_ports import Batch
from invoicing.write_contract import end_contract, write_contract
from tests.books import MID_OCTOBER, an_event, book, open_account, open_shop
from tests.opened_accounts import NewAccount, open_accounts

pytestmark = pytest.mark.engines

NOW = datetime(2026, 10, 5, tzinfo=UTC)
ASHA = Author("asha", NOW)
SMS_FOR_LESS = {
    "meter": "otp.delivered",
    "description": "OTP delivered",
    "sac": "998319",
    "unit": "message",
    "price": {"model": "per_unit", "unit_price": "0.10"},
}


@pytest.fixture
def store(database: Engine, warehouse, cache):
    open_shop()
    open_account("acme", mode="prepaid")
    open_account("other", mode="prepaid")
    return wiring.administration()


ISSUED = """
INSERT INTO invoice (account_id, month, status, currency, subtotal_minor, tax_minor, total_minor, prepaid_minor, document,
    document_digest, drafted_at, number, issue_date)
SELECT account_id, '2026-10-01', 'issued', 'INR', 0, 0, 0, 0, '{}', 'd', now(), 'N', '2026-11-01'
FROM account WHERE code = 'acme'
"""


def a_contract(**changes):
    document = {
        "code": "acme-2026",
        "account": "acme",
        "currency": "INR",
        "from": "2026-10-10T00:00:00+05:30",
        "to": "2026-10-20T00:00:00+05:30",
        "charges": [SMS_FOR_LESS],
    }
    return {name: value for name, value in {**document, **changes}.items() if value is not None}


def charged(database):
    statement = text("""
        SELECT a.code, -sum(e.amount_micros)::bigint FROM wallet_entry e JOIN wallet USING (wallet_id)
        JOIN account a USING (account_id) GROUP BY 1
    """)
    with database.connect() as connection:
        return dict(connection.execute(statement).all())


def books_balance():
    assert [check for check in batch_wiring.books().examine(rows_shown=3).checks if check.rows] == []


def test_a_contracts_price_holds_while_it_lasts_and_the_plans_before_and_after(store, database):
    write_contract(store, a_contract(), author=ASHA)
    for day in (9, 15, 21):
        book(database, [an_event("acme", at=datetime(2026, 10, day, 12, tzinfo=UTC), quantity=10)])
    assert charged(database) == {"acme": 2_000_000 + 1_000_000 + 2_000_000}
    books_balance()


def test_a_customers_contract_holds_for_all_its_accounts_and_an_accounts_own_is_stronger(store, database):
    write_contract(store, a_contract(code="all", account=None, customer="customer-acme"), author=ASHA)
    own = SMS_FOR_LESS | {"price": {"model": "per_unit", "unit_price": "0.05"}}
    write_contract(store, a_contract(code="own", charges=[own]), author=ASHA)
    book(database, [an_event("acme", at=MID_OCTOBER, quantity=10), an_event("other", at=MID_OCTOBER, quantity=10)])
    assert charged(database) == {"acme": 500_000, "other": 2_000_000}


def test_a_discount_is_taken_off_what_the_plan_charges(store, database):
    discount = {
        "code": "loyalty", "kind": "percentage", "percent": "25", "description": "Loyalty", "sac": "998319",
        "applies_to": ["otp.delivered"],
    }  # fmt: skip
    write_contract(store, a_contract(charges=None, adjustments=[discount]), author=ASHA)
    book(database, [an_event("acme", at=MID_OCTOBER, quantity=10)])
    assert charged(database) == {"acme": 1_500_000}
    books_balance()


def test_a_fee_of_a_contract_is_due_for_its_time(store, database):
    fee = {"code": "support", "kind": "recurring", "description": "Support", "sac": "998319", "amount": "310.00"}
    write_contract(store, a_contract(charges=[fee]), author=ASHA)
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=datetime(2026, 11, 1, 9, tzinfo=UTC))
    assert charged(database) == {"acme": 100_000_000}
    books_balance()


def test_a_running_worker_learns_of_a_contract_by_what_changed(store):
    metering = metering_wiring.metering_store("tests")
    try:
        config = metering.config()
        write_contract(store, a_contract(), author=ASHA)
        config = metering.config()
        (account,) = [one for one in config.accounts.values() if one.code == "acme"]
        micros = int(MID_OCTOBER.timestamp()) * 1_000_000
        (rate,) = account.plan_at(micros).rates_for("otp.delivered", {"channel": "sms"}).usage
        assert rate.cell.tariff.unit_price_micros == 100_000
    finally:
        metering.close()


def test_a_contract_written_twice_is_written_once_and_another_under_its_code_is_refused(store):
    write_contract(store, a_contract(), author=ASHA)
    write_contract(store, a_contract(), author=ASHA)
    assert len(wiring.contract_reader().contracts(now=NOW)) == 1
    with pytest.raises(Invalid, match="is the code of another contract"):
        write_contract(store, a_contract(priority=5), author=ASHA)


def test_two_contracts_of_one_priority_may_not_overlap_but_may_follow_each_other(store):
    write_contract(store, a_contract(), author=ASHA)
    later = {"from": "2026-10-20T00:00:00+05:30", "to": None}
    with pytest.raises(Invalid, match="same priority as acme-2026"):
        write_contract(store, a_contract(code="second", to=None), author=ASHA)
    write_contract(store, a_contract(code="third", priority=1, to=None), author=ASHA)
    write_contract(store, a_contract(code="second", **later), author=ASHA)


def test_a_contract_in_another_currency_or_for_nobody_is_refused_and_nothing_is_kept(store):
    with pytest.raises(Invalid, match=r"currency: the contract is in USD and account acme in INR"):
        write_contract(store, a_contract(currency="USD"), author=ASHA)
    with pytest.raises(Invalid, match=r"^account: account 'nobody' does not exist"):
        write_contract(store, a_contract(account="nobody"), author=ASHA)
    with pytest.raises(Invalid, match=r"^customer: customer 'nobody' does not exist"):
        write_contract(store, a_contract(account=None, customer="nobody"), author=ASHA)
    with pytest.raises(Invalid) as refused:
        write_contract(store, a_contract(account="nobody", priority=-1), author=ASHA)
    assert [error.path for error in refused.value.errors] == ["priority", "account"]
    assert wiring.contract_reader().contracts(now=NOW) == []


def test_a_contract_may_end_earlier_and_never_later(store, database):
    write_contract(store, a_contract(), author=ASHA)
    end_contract(store, "acme-2026", at=datetime(2026, 10, 14, tzinfo=UTC), author=ASHA)
    book(database, [an_event("acme", at=MID_OCTOBER, quantity=10)])
    assert charged(database) == {"acme": 2_000_000}
    with pytest.raises(InvalidInput, match="end it in between"):
        end_contract(store, "acme-2026", at=datetime(2026, 10, 18, tzinfo=UTC), author=ASHA)
    with pytest.raises(NotFound):
        end_contract(store, "nothing", at=NOW, author=ASHA)


def test_the_database_refuses_to_edit_a_contract(store, database):
    write_contract(store, a_contract(), author=ASHA)
    for statement in ("UPDATE contract SET priority = 9", "DELETE FROM contract"):
        with pytest.raises(IntegrityError, match="is signed"), database.begin() as connection:
            connection.execute(text(statement))


def test_contracts_that_end_soon_are_listed(store):
    write_contract(store, a_contract(), author=ASHA)
    reader = wiring.contract_reader()
    assert [row["contract"] for row in reader.contracts(now=NOW, until=NOW + timedelta(days=30))] == ["acme-2026"]
    assert reader.contracts(now=NOW, until=NOW + timedelta(days=3)) == []


def test_a_customers_contract_leaves_accounts_of_another_currency_alone(store, database):
    author = Author("tests", NOW)
    dollars = NewAccount(
        "acme-global", "customer-acme", PaymentMode.PREPAID, Currency.USD, "UTC", ("acme-global",), "otp-usd"
    )
    open_accounts(wiring.administration(), [], [dollars], author=author)
    fee = {"code": "support", "kind": "recurring", "description": "Support", "sac": "998319", "amount": "310.00"}
    contract = a_contract(code="all", account=None, customer="customer-acme", charges=[SMS_FOR_LESS, fee], to=None)
    write_contract(store, contract, author=ASHA)
    book(database, [an_event("acme", at=MID_OCTOBER, quantity=10), an_event("acme-global", at=MID_OCTOBER, quantity=10)])
    assert charged(database) == {"acme": 1_000_000, "acme-global": 2_000_000}
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=MID_OCTOBER)
    assert charged(database) == {"acme": 1_000_000 + 220_000_000, "acme-global": 2_000_000}
    books_balance()


def test_a_contract_that_begins_in_the_past_names_the_events_that_were_charged_without_it(store, database):
    book(database, [an_event("acme", at=MID_OCTOBER), an_event("other", at=MID_OCTOBER)])
    later = Author("asha", MID_OCTOBER + timedelta(days=3))
    assert write_contract(store, a_contract(), author=later).events_to_rerate == {"acme": 1}
    ended = end_contract(store, "acme-2026", at=MID_OCTOBER - timedelta(days=1), author=later)
    assert ended == {"acme": 1}


def test_a_contract_may_not_begin_or_end_in_a_time_that_is_invoiced(store, database):
    write_contract(store, a_contract(code="running", priority=5, to=None), author=ASHA)
    with database.begin() as connection:
        connection.execute(text(ISSUED))
    with pytest.raises(Invalid, match=r"from: usage of account acme before 2026-11-01 is invoiced"):
        write_contract(store, a_contract(), author=ASHA)
    with pytest.raises(Invalid, match=r"at: usage of account acme before 2026-11-01 is invoiced"):
        end_contract(store, "running", at=datetime(2026, 10, 20, tzinfo=UTC), author=ASHA)
    end_contract(store, "running", at=datetime(2026, 11, 1, tzinfo=UTC), author=ASHA)


def test_a_list_says_what_holds_when_a_contract_has_ended(store):
    write_contract(store, a_contract(), author=ASHA)
    write_contract(store, a_contract(code="next", **{"from": "2026-10-20T00:00:00+05:30", "to": None}), author=ASHA)
    rows = wiring.contract_reader().contracts(now=NOW, party="acme")
    assert [(row["contract"], row["then"]) for row in rows] == [("acme-2026", "next"), ("next", "")]
    assert wiring.contract_reader().contracts(now=NOW, party="other") == []
    end_contract(store, "next", at=datetime(2026, 10, 25, tzinfo=UTC), author=ASHA)
    assert [row["then"] for row in wiring.contract_reader().contracts(now=NOW, party="acme")] == ["next", "the plan"]


def test_the_strongest_contract_in_force_at_the_end_of_a_month_says_when_its_invoice_is_payable(store, database):
    def term():
        book_ = batch_wiring.invoice_book()
        (account,) = [one for one in book_.drafts.due(BillingMonth(2026, 10), Batch(0, 1)) if one.code == "acme"]
        return account.payment_term_days

    book(database, [an_event("acme", at=MID_OCTOBER)])
    assert term() is None
    write_contract(store, a_contract(charges=None, payment_term_days=60), author=ASHA)  # ends on the 20th
    assert term() is None
    write_contract(store, a_contract(code="long", charges=None, payment_term_days=45, priority=1, to=None), author=ASHA)
    assert term() == 45
    customers = a_contract(
        code="all", charges=None, payment_term_days=30, priority=2, to=None, account=None, customer="customer-acme"
    )
    write_contract(store, customers, author=ASHA)
    assert term() == 30
