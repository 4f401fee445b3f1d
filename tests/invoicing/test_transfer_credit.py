"""Credit from one wallet of an account to another: nothing is made or lost, and it stays what it is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from connectors import wallet_wiring
from domain.credit_lots import LotKind
from domain.errors import InvalidInput, NotFound
from invoicing.grant_credit import Grant, grant_credit
from tests.books import an_event, book, open_account
from tests.invoicing.wallets import ASHA, NOW, balances, opened, pay, rows, transferred, whatsapp

pytestmark = pytest.mark.engines


@pytest.fixture
def acme(acme_with_meters):
    return acme_with_meters


def test_credit_moves_with_an_entry_in_each_wallet_and_nothing_is_made_or_lost(acme):
    opened()
    pay("10.00", "own")
    assert [balance.balance_micros for balance in transferred("4.00")] == [6_000_000, 4_000_000]
    entries = "SELECT amount_micros, reference FROM wallet_entry WHERE cause = 'transfer' ORDER BY wallet_id"
    assert rows(acme, entries) == [(-4_000_000, "t1"), (4_000_000, "t1")]
    assert rows(acme, "SELECT sum(amount_micros)::int FROM counter_entry WHERE cause = 'transfer'") == [(0,)]


def test_credit_stays_what_it_is(acme):
    opened()
    pay("10.00", "own")
    ends = NOW + timedelta(days=30)
    offer = Grant("acme", Decimal("3.00"), "offer", "launch", LotKind.PROMOTIONAL, ends, 10)
    grant_credit(wallet_wiring.wallets(), offer, author=ASHA)
    transferred("5.00")
    lots = wallet_wiring.statements().lots("acme/whatsapp", also_used_up=True)
    assert [(lot["kind"], lot["remaining"], lot["cost"], lot["expires_at"], lot["priority"]) for lot in lots] == [
        ("promotional", Decimal(3), Decimal(0), ends, 10),
        ("paid", Decimal(2), Decimal(2), None, 50),
    ]


def test_a_transfer_is_a_lot_of_its_own_and_fills_up_none_that_was_used(acme):
    opened()
    pay("10.00", "own")
    pay("1.00", "campaign", "acme/whatsapp")
    book(acme, [whatsapp(2)], warehouse=False)
    transferred("2.00")
    lots = wallet_wiring.statements().lots("acme/whatsapp", also_used_up=True)
    assert [(lot["amount"], lot["remaining"]) for lot in lots] == [(Decimal(1), Decimal("0.71")), (Decimal(2), Decimal(2))]


def test_a_transfer_repays_debt_first(acme):
    opened()
    pay("10.00", "own")
    book(acme, [whatsapp(10)], warehouse=False)
    transferred("2.00")
    assert balances(acme) == {"acme": Decimal(8), "acme/whatsapp": Decimal("0.55")}


def test_a_reference_is_transferred_once(acme):
    opened()
    pay("10.00", "own")
    transferred("4.00")
    assert transferred("4.00") == []
    for other in ({"amount": "5.00"}, {"amount": "4.00", "source": "acme/whatsapp", "target": "acme"}):
        with pytest.raises(InvalidInput, match="another transfer"):
            transferred(**other)


def test_what_is_not_there_is_not_transferred(acme):
    opened()
    pay("10.00", "own")
    book(acme, [an_event("acme", quantity=30)], warehouse=False)
    with pytest.raises(InvalidInput, match=r"acme holds 4\.0+ INR"):
        transferred("4.01")
    with pytest.raises(InvalidInput, match="acme/whatsapp holds 0"):
        transferred("1.00", source="acme/whatsapp", target="acme")


def test_a_clock_that_steps_back_brings_no_lot_back_for_more_than_the_wallet_holds(acme):
    """A debit passed over a lot that had ended by its clock; by the clock after it, the lot has not ended yet."""
    opened()
    ends = NOW + timedelta(hours=1)
    grant_credit(wallet_wiring.wallets(), Grant("acme", Decimal(5), "g", "why", LotKind.GRANTED, ends), author=ASHA)
    with acme.begin() as connection:
        debit = {"at": NOW + timedelta(hours=2)}
        connection.execute(text("SELECT move_wallet(1, -1000000, 'adjustment', 'a', :at)"), debit)
    with pytest.raises(InvalidInput, match=r"acme holds 4\.0+ INR"):
        transferred("5.00")


def test_credit_stays_with_its_account(acme):
    opened()
    open_account("bolt", mode="prepaid")
    pay("10.00", "own")
    with pytest.raises(InvalidInput, match="not wallets of one account"):
        transferred("1.00", target="bolt")
    with pytest.raises(NotFound, match="'acme/sms' does not exist"):
        transferred("1.00", target="acme/sms")


def test_transfers_to_and_fro_at_once_wait_for_each_other_and_none_is_lost(acme):
    opened()
    pay("10.00", "own")
    pay("10.00", "campaign", "acme/whatsapp")
    ways = [("acme", "acme/whatsapp"), ("acme/whatsapp", "acme")]
    with ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(transferred, "0.10", f"t{number}", *ways[number % 2]) for number in range(20) for _ in range(2)
        ]
        done = [bool(one.result()) for one in asked]
    assert done.count(True) == 20
    assert sum(balances(acme).values()) == 20
