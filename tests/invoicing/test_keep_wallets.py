"""Keeping further wallets: opened for purposes, changed, closed; and a wallet is no account."""

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connectors import wallet_wiring, wiring
from domain.errors import Invalid, InvalidInput, NotFound
from invoicing import arrange_accounts
from invoicing.administer import map_aliases
from invoicing.keep_accounts import change_account
from invoicing.keep_wallets import close_wallet
from tests.books import AUTHOR, book, open_account
from tests.invoicing.wallets import ASHA, balances, opened, pay, transferred, whatsapp

pytestmark = pytest.mark.engines


@pytest.fixture
def acme(acme_with_meters):
    return acme_with_meters


def test_all_faults_are_told_at_once(acme):
    opened()
    with pytest.raises(Invalid) as refused:
        opened("Up case", "whatsapp", "telegram", currency="USD")
    assert [error.path for error in refused.value.errors] == ["currency", "name", "pays_for", "pays_for"]


def test_a_postpaid_account_or_one_that_pays_from_another_has_one_wallet(acme):
    open_account("later", mode="postpaid")
    with pytest.raises(Invalid, match="later is postpaid"):
        opened(account="later")
    open_account("branch", mode="prepaid")
    store = wiring.administration()
    arrange_accounts.set_parent(store, "branch", parent="acme", author=AUTHOR)
    arrange_accounts.set_pay_from(store, "branch", pay_from="acme", author=AUTHOR)
    with pytest.raises(Invalid, match="branch pays from acme, whose wallets pay for it"):
        opened(account="branch")


def test_a_wallet_is_closed_when_nothing_is_in_it_and_the_accounts_own_pays_from_then_on(acme):
    opened()
    pay("1.00", "campaign", "acme/whatsapp")
    with pytest.raises(Invalid, match="holds credit"):
        close_wallet(wiring.administration(), "acme/whatsapp", author=ASHA)
    transferred("1.00", source="acme/whatsapp", target="acme")
    assert close_wallet(wiring.administration(), "acme/whatsapp", author=ASHA)
    assert not close_wallet(wiring.administration(), "acme/whatsapp", author=ASHA)
    book(acme, [whatsapp()], warehouse=False)
    assert balances(acme) == {"acme": Decimal("0.855"), "acme/whatsapp": 0}
    with pytest.raises(InvalidInput, match="is closed"):
        transferred("0.10", "t2")


def test_a_wallet_is_no_account(acme):
    opened()
    store = wiring.administration()
    with pytest.raises(InvalidInput, match="is a wallet of account acme"):
        change_account(store, "acme/whatsapp", {"name": "x"}, author=ASHA)
    with pytest.raises(InvalidInput, match="is a wallet, which uses nothing itself"):
        map_aliases(store, {"other": "acme/whatsapp"}, author=ASHA)
    with pytest.raises(NotFound):
        arrange_accounts.set_pay_from(store, "acme/whatsapp", pay_from="acme", author=ASHA)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO alias (alias, account_id) SELECT 'x', account_id FROM account WHERE code = 'acme/whatsapp'",
        "UPDATE account SET wallet_of_account_id = NULL WHERE code = 'acme/whatsapp'",
        "UPDATE account SET wallet_of_account_id = account_id, code = 'acme/acme' WHERE code = 'acme'",
        "UPDATE account SET parent_id = 1 WHERE code = 'acme/whatsapp'",
        "UPDATE wallet_purpose SET wallet_account_id = 1",
        "INSERT INTO wallet_purpose SELECT 1, max(meter_id), 1 FROM meter",
    ],
)
def test_the_database_refuses_what_no_rule_allows(acme, statement):
    opened()
    with pytest.raises(IntegrityError), acme.begin() as connection:
        connection.execute(text(statement))


def test_the_list_says_what_each_wallet_holds_and_pays_for(acme):
    opened()
    pay("1.00", "campaign", "acme/whatsapp")
    listed = wallet_wiring.wallet_list().wallets("acme")
    assert [(row["wallet"], row["balance"], row["pays_for"]) for row in listed] == [
        ("acme", 0, ["everything else"]),
        ("acme/whatsapp", 1, ["whatsapp"]),
    ]
    assert wallet_wiring.wallet_list().wallets(None) == listed
