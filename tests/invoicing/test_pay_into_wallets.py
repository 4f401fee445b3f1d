"""Money for a further wallet: payments, refunds, bank transfers and rules of top-ups name it as they name an account."""

from decimal import Decimal

import pytest

from connectors import wallet_wiring, wiring
from invoicing.apply_payments import AppliedPayments
from invoicing.bank_transfers import decide_transfer, enter_transfer
from invoicing.keep_wallets import close_wallet
from invoicing.write_top_up_rule import set_top_up_rule
from tests.books import book
from tests.invoicing.test_apply_payments import ASHA, RAVI, an_envelope, apply, receive
from tests.invoicing.wallets import balances, opened, rows, transferred, watch, whatsapp

pytestmark = pytest.mark.engines


@pytest.fixture
def acme(acme_with_meters):
    opened()
    return acme_with_meters


def test_a_payment_that_names_a_wallet_is_credited_to_it_with_a_voucher(acme):
    receive(acme, an_envelope("captured", "pay_1", 1_180_00, account="acme/whatsapp"))
    assert apply() == AppliedPayments(1, 1, 0)
    assert balances(acme) == {"acme": 0, "acme/whatsapp": 1_000}
    receive(acme, an_envelope("captured", "pay_1", 1_180_00, account="acme/whatsapp"))
    apply()
    vouchers = "SELECT v.number, a.code, v.total_minor FROM voucher v JOIN account a USING (account_id)"
    assert rows(acme, vouchers) == [("RV/26-27/000001", "acme/whatsapp", 1_180_00)]


def test_a_payment_for_a_wallet_that_is_not_there_or_closed_waits(acme):
    close_wallet(wiring.administration(), "acme/whatsapp", author=ASHA)
    receive(acme, *(an_envelope("captured", f"pay_{name}", 1_180, account=f"acme/{name}") for name in ("sms", "whatsapp")))
    assert apply() == AppliedPayments(2, 0, 2)
    reasons = "SELECT reason FROM payment_application ORDER BY payment_event_id"
    assert rows(acme, reasons) == [("unknown_account",), ("account_closed",)]


def test_a_refund_is_taken_from_the_wallet_that_was_paid_into_also_when_the_credit_has_moved_on(acme):
    receive(acme, an_envelope("captured", "pay_1", 1_180))
    apply()
    transferred("10.00")
    receive(acme, an_envelope("refunded", "rfnd_1", 1_180, payment="pay_1"))
    apply()
    assert balances(acme) == {"acme": -10, "acme/whatsapp": 10}


def test_a_bank_transfer_is_confirmed_for_the_wallet_it_was_entered_for(acme):
    store = wallet_wiring.top_ups()
    number = enter_transfer(store, account="acme/whatsapp", reference="UTR-1", amount_minor=1_180_00, author=ASHA)
    decide_transfer(store, number, confirm=True, author=RAVI)
    assert balances(acme) == {"acme": 0, "acme/whatsapp": 1_000}


def test_a_rule_tops_up_the_wallet_it_is_given_to(acme):
    rule = {"threshold": "5", "amount": "100.00", "monthly_limit": "500.00", "methods": ["payment_link"]}
    set_top_up_rule(wiring.administration(), "acme/whatsapp", rule, author=ASHA)
    receive(acme, an_envelope("captured", "pay_1", 1_180, account="acme/whatsapp"))
    apply()
    watch()
    assert rows(acme, "SELECT count(*)::int FROM top_up_request") == [(0,)]
    book(acme, [whatsapp(40)], warehouse=False)
    watch()
    requests = "SELECT key, data ->> 'account' FROM outbox_message WHERE topic = 'payment.requests'"
    asked = "SELECT a.code, r.amount_minor FROM top_up_request r JOIN account a USING (account_id)"
    assert rows(acme, asked) == [("acme/whatsapp", 100_00)]
    assert [key for key, _ in rows(acme, requests)] == ["acme/whatsapp"]
    assert balances(acme)["acme/whatsapp"] == Decimal("4.2")
