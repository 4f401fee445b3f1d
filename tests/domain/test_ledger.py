"""The double-entry ledger: transactions sum to zero, and every cause has its counter account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import COUNTER_ACCOUNTS, Cause, LedgerAccount, Posting, Transaction, balanced, balances
from domain.money import Currency


def test_every_cause_has_a_counter_account():
    assert set(COUNTER_ACCOUNTS) == set(Cause)


def test_a_transaction_that_does_not_sum_to_zero_does_not_exist():
    with pytest.raises(ValueError, match="sum to zero"):
        Transaction(Cause.TOP_UP, "pay_1", Currency.INR, (Posting(1, 5), Posting(LedgerAccount.CUSTOMER_MONEY, -4)))


def test_a_transaction_names_an_account_once():
    with pytest.raises(ValueError, match="twice"):
        Transaction(Cause.TRANSFER, "1", Currency.INR, (Posting(1, 5), Posting(1, -5)))


def test_a_transfer_leaves_its_counter_account_at_nothing():
    moved = balanced(Cause.TRANSFER, "v7", Currency.INR, {1: -500, 2: 500})
    assert balances([moved])[LedgerAccount.TRANSFERS, Currency.INR] == 0


_wallets = st.dictionaries(st.integers(1, 5), st.integers(-(10**15), 10**15), min_size=1)


@given(st.lists(st.tuples(st.sampled_from(Cause), st.sampled_from(Currency), _wallets), max_size=10))
def test_whatever_happens_all_accounts_together_come_to_nothing_in_each_currency(movements):
    transactions = [balanced(cause, str(n), currency, wallets) for n, (cause, currency, wallets) in enumerate(movements)]
    found = balances(transactions)
    for currency in Currency:
        assert sum(micros for (_, of), micros in found.items() if of is currency) == 0
