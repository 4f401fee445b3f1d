"""Applying payments on the real books: each once, whatever is doubled, reordered, unknown or decided by two at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count

import pytest
from sqlalchemy import text

from connectors import batch_wiring, metering_wiring, receiving_wiring, wallet_wiring
from domain.errors import IllegalTransition, InvalidInput
from domain.metering import Origin
from domain.money import Currency
from domain.receiving import Family
from invoicing.administer import Author
from invoicing.apply_payments import AppliedPayments, apply_payments
from invoicing.bank_transfers import decide_transfer, enter_transfer
from invoicing.records import Record
from tests.books import an_event, book, open_account

pytestmark = pytest.mark.engines
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ASHA, RAVI = Author("asha", NOW), Author("ravi", NOW)
_serial = count(1)


@pytest.fixture
def acme(shop, cache):
    """A prepaid account in Maharashtra; the books balance when the test is over."""
    open_account("acme", mode="prepaid")
    yield shop
    assert {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows} == set()


def an_envelope(type_, reference, amount, *, account="acme", currency="INR", event_id=None, **data):
    event = {
        "specversion": "1.0",
        "id": event_id or f"evt-{next(_serial)}",
        "source": "/gateways/razorpay",
        "type": f"payment.{type_}",
        "subject": account,
        "time": NOW.isoformat(),
        "data": {"gateway": "razorpay", "reference": reference, "amount_minor": amount, "currency": currency, **data},
    }
    return json.dumps(event).encode()


def receive(shop, *events):
    with shop.connect() as connection:
        topic = "SELECT coalesce(max(next_offset), 0) FROM partition_progress WHERE topic = 'test.payment.events'"
        first = connection.execute(text(topic)).scalar_one()
    micros = int(NOW.timestamp()) * 1_000_000
    records = [Record(Origin("test.payment.events", 0, first + n, micros), event) for n, event in enumerate(events)]
    store = receiving_wiring.receiving_store(Family.PAYMENT, "tests")
    receiving_wiring.receiving(Family.PAYMENT, store).receive(records)
    store.close()


def apply(**changes):
    return apply_payments(wallet_wiring.top_ups(), metering_wiring.balance_cache(), now=NOW, **changes)


def rows(shop, statement):
    with shop.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def balance(shop):
    return rows(shop, "SELECT balance_micros FROM wallet JOIN account USING (account_id) WHERE code = 'acme'")[0][0]


def test_a_captured_payment_is_credited_before_tax_with_a_paid_lot_and_a_receipt_voucher(acme, cache):
    receive(acme, an_envelope("captured", "pay_1", 1_180_00))
    assert apply() == AppliedPayments(tried=1, moved=1, waiting=0)
    assert balance(acme) == 1_000_000_000
    assert cache.hget("balance:1", "balance_micros") == "1000000000"
    assert rows(acme, "SELECT number, kind, total_minor, taxable_minor, taxes, issue_date::text FROM voucher") == [
        ("RV/26-27/000001", "receipt", 1_180_00, 1_000_00, [["IGST", 180_00]], "2026-11-29")
    ]
    assert rows(acme, "SELECT kind::text, cost_micros FROM credit_lot") == [("paid", 1_000_000_000)]
    assert apply() == AppliedPayments()


def test_the_same_payment_under_other_events_is_credited_once(acme):
    receive(acme, an_envelope("captured", "pay_1", 1_180_00), an_envelope("captured", "pay_1", 1_180_00))
    receive(acme, an_envelope("captured", "pay_1", 999))
    apply()
    assert balance(acme) == 1_000_000_000
    assert rows(acme, "SELECT outcome, reason FROM payment_application ORDER BY 1, 2") == [
        ("credited", None), ("noted", None), ("waiting", "other_amount"),
    ]  # fmt: skip


def test_a_refund_before_its_payment_waits_and_is_applied_when_that_comes(acme):
    receive(acme, an_envelope("refunded", "rfnd_1", 590_00, payment="pay_1"))
    assert apply() == AppliedPayments(1, 0, 1)
    receive(acme, an_envelope("captured", "pay_1", 1_180_00))
    assert apply() == AppliedPayments(1, 2, 0)
    assert balance(acme) == 500_000_000
    assert rows(acme, "SELECT number, taxable_minor FROM voucher ORDER BY number") == [
        ("RFV/26-27/000001", 500_00), ("RV/26-27/000001", 1_000_00),
    ]  # fmt: skip


def test_a_refund_takes_from_its_own_payments_lot_first_and_beyond_it_makes_debt(acme):
    book(acme, [an_event("acme", quantity=25)], warehouse=False)
    receive(acme, an_envelope("captured", "pay_1", 1_180), an_envelope("captured", "pay_2", 2_360))
    apply()
    receive(acme, an_envelope("refunded", "rfnd_2", 2_360, payment="pay_2"))
    apply()
    assert rows(acme, "SELECT reference, remaining_micros FROM lot_balance ORDER BY lot_id") == [
        ("razorpay pay_1", 5_000_000), ("razorpay pay_2", 0),
    ]  # fmt: skip
    receive(acme, an_envelope("disputed", "dp_1", 1_180, payment="pay_1"))
    apply()
    assert balance(acme) == -5_000_000
    assert rows(acme, "SELECT ledger_account, amount_micros FROM counter_entry WHERE cause = 'chargeback'") == [
        ("disputed_money", 10_000_000)
    ]


@pytest.mark.parametrize("other", ["nobody", "globex"])
def test_what_names_another_account_than_was_paid_into_waits_and_holds_up_nobody(acme, other):
    open_account("globex", mode="prepaid")
    receive(acme, an_envelope("captured", "pay_1", 1_180_00))
    apply()
    receive(
        acme,
        an_envelope("refunded", "rfnd_1", 590_00, payment="pay_1", account=other),
        an_envelope("captured", "pay_1", 1_180_00, account=other),
        an_envelope("captured", "pay_2", 1_180_00),
    )
    assert apply() == AppliedPayments(3, 1, 2)
    assert balance(acme) == 2_000_000_000
    assert {row["reason"] for row in wallet_wiring.top_ups().listed("waiting")} == {"other_account"}
    assert rows(acme, "SELECT count(*) FROM voucher WHERE kind = 'refund'") == [(0,)]


def test_a_payment_the_books_cannot_hold_waits_and_holds_up_nobody(acme):
    largest = [an_envelope("captured", f"pay_{number}", 10**15) for number in (1, 2)]
    receive(acme, *largest, an_envelope("captured", "pay_3", 1_180_00))

    applied = apply()

    assert (applied.tried, applied.moved, applied.waiting) == (3, 2, 1)
    assert "does not fit into the books" in applied.unbookable[0]
    assert [row["reason"] for row in wallet_wiring.top_ups().listed("waiting")] == ["unbookable"]


def test_a_payment_that_is_too_large_by_itself_waits_and_holds_up_nobody(acme):
    abroad = {"country": "US", "state_code": None, "gstin": None, "tax_category": "overseas"}
    open_account("far", mode="prepaid", currency=Currency.USD, **abroad)
    with acme.begin() as connection:
        connection.execute(
            text("UPDATE seller SET lut_arn = 'AD29', lut_valid_from = '2026-04-01', lut_valid_to = '2027-03-31'")
        )
    receive(
        acme, an_envelope("captured", "pay_1", 10**15, account="far", currency="USD"), an_envelope("captured", "p2", 118)
    )

    applied = apply()

    assert (applied.tried, applied.moved, applied.waiting, len(applied.unbookable)) == (2, 1, 1, 1)
    assert [row["reason"] for row in wallet_wiring.top_ups().listed("waiting")] == ["unbookable"]


def test_more_than_was_paid_never_goes_back(acme):
    receive(acme, an_envelope("captured", "pay_1", 1_180))
    receive(acme, an_envelope("refunded", "r1", 1_000, payment="pay_1"), an_envelope("disputed", "d1", 181, payment="pay_1"))
    apply()
    assert rows(acme, "SELECT given_back_minor FROM top_up") == [(1_000,)]
    assert wallet_wiring.top_ups().listed("waiting")[0]["reason"] == "too_much"


def test_what_cannot_be_applied_waits_with_its_reason_and_is_applied_once_the_reason_is_gone(acme):
    receive(
        acme,
        an_envelope("captured", "pay_1", 1_180, account="later"),
        an_envelope("captured", "pay_2", 1_180, currency="USD"),
        an_envelope("failed", "pay_3", 1_180),
    )
    assert apply() == AppliedPayments(3, 0, 2)
    assert [row["reason"] for row in wallet_wiring.top_ups().listed("waiting")] == ["unknown_account", "other_currency"]
    open_account("later", mode="prepaid")
    assert apply(waiting=True) == AppliedPayments(2, 1, 1)


def test_several_who_apply_at_once_apply_each_payment_once(acme):
    receive(acme, *(an_envelope("captured", f"pay_{number}", 118) for number in range(20)))
    with ThreadPoolExecutor(4) as threads:
        turns = list(threads.map(lambda _: apply(), range(4)))
    assert sum(turn.moved for turn in turns) == 20
    assert balance(acme) == 20_000_000
    assert rows(acme, "SELECT next_number FROM voucher_series") == [(21,)]


def test_a_transfer_is_credited_when_another_person_confirms_it(acme):
    store = wallet_wiring.top_ups()
    number = enter_transfer(store, account="acme", reference="UTR-1", amount_minor=1_180_00, author=ASHA)
    with pytest.raises(IllegalTransition, match="another person"):
        decide_transfer(store, number, confirm=True, author=ASHA)
    with pytest.raises(InvalidInput, match="entered before"):
        enter_transfer(store, account="acme", reference="UTR-1", amount_minor=5, author=RAVI)
    assert decide_transfer(store, number, confirm=True, author=RAVI).balance_micros == 1_000_000_000
    with pytest.raises(IllegalTransition, match="decided by ravi"):
        decide_transfer(store, number, confirm=False, author=ASHA)


def test_of_two_who_confirm_at_once_one_does(acme):
    store = wallet_wiring.top_ups()
    number = enter_transfer(store, account="acme", reference="UTR-1", amount_minor=1_180_00, author=Author("mira", NOW))

    def confirm(author):
        try:
            return decide_transfer(store, number, confirm=True, author=author) is not None
        except IllegalTransition:
            return False

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(confirm, [ASHA, RAVI])) == [False, True]
    assert balance(acme) == 1_000_000_000


@pytest.mark.parametrize("amount", [0, -1, 10**20])
def test_an_amount_that_cannot_be_meant_is_refused(acme, amount):
    with pytest.raises(InvalidInput, match="amount"):
        enter_transfer(wallet_wiring.top_ups(), account="acme", reference="U", amount_minor=amount, author=ASHA)
