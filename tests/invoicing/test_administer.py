"""Administration: plans, customers, accounts and aliases are checked, applied once, whole or not at all, and audited."""

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from connectors import batch_wiring, wiring
from domain.errors import InvalidInput
from invoicing.administer import map_aliases, publish_plan, top_up
from invoicing.check_books import check_books
from tests.books import AUTHOR, a_plan, credit, open_account, open_shop


def changed_plan(**changes):
    return {**deepcopy(a_plan()), **changes}


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "sNaN", "Infinity", "1000000000.01", "0.0000001"])
def test_an_amount_that_cannot_be_meant_is_refused_before_anything_is_asked(amount):
    with pytest.raises(InvalidInput, match="amount: "):
        top_up(None, account_code="acme", amount=Decimal(amount), reference="r", author=AUTHOR)


@pytest.fixture
def shop(database):
    """A seller and plans; every check of the books holds at the end."""
    open_shop()
    yield database
    assert check_books(batch_wiring.books(), now=datetime(2026, 11, 2, tzinfo=UTC)).faults == []


def rows(shop, statement):
    with shop.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


@pytest.mark.engines
def test_a_plan_is_published_once_and_a_change_is_a_new_version(shop):
    assert publish_plan(wiring.administration(), a_plan(), author=AUTHOR) is False
    assert publish_plan(wiring.administration(), changed_plan(name="OTP 2027"), author=AUTHOR) is True
    versions = rows(
        shop, "SELECT version FROM plan_version JOIN plan USING (plan_id) WHERE code = 'otp-inr' ORDER BY version"
    )
    assert versions == [(1,), (2,)]


@pytest.mark.engines
def test_an_account_stays_on_the_version_it_was_opened_on(shop):
    open_account("acme")
    publish_plan(wiring.administration(), changed_plan(name="OTP 2027"), author=AUTHOR)
    open_account("bolt")
    on = rows(
        shop,
        "SELECT code, version FROM subscription JOIN account USING (account_id) JOIN plan_version USING (plan_version_id)",
    )
    assert sorted(on) == [("acme", 1), ("bolt", 2)]


@pytest.mark.engines
def test_a_wallet_is_credited_once_for_each_reference(shop):
    open_account("acme", mode="prepaid")
    assert (credit("acme", "500", reference="UTR-9"), credit("acme", "500", reference="UTR-9")) == (True, False)
    with pytest.raises(InvalidInput, match="use a new reference"):
        credit("acme", "501", reference="UTR-9")
    assert rows(shop, "SELECT balance_micros FROM wallet") == [(500_000_000,)]
    last = "SELECT actor, action FROM audit_record ORDER BY audit_id DESC LIMIT 1"
    assert rows(shop, last) == [(AUTHOR.name, "wallet.topped_up")]


@pytest.mark.engines
def test_an_alias_is_mapped_once_and_cannot_be_taken_from_its_account(shop):
    open_account("acme")
    open_account("bolt")
    assert map_aliases(wiring.administration(), {"shop": "acme"}, author=AUTHOR) == 1
    assert map_aliases(wiring.administration(), {"shop": "acme"}, author=AUTHOR) == 0
    with pytest.raises(InvalidInput, match="alias 'shop' names account acme already"):
        map_aliases(wiring.administration(), {"stall": "bolt", "shop": "bolt"}, author=AUTHOR)
    assert rows(shop, "SELECT count(*) FROM alias WHERE alias = 'stall'") == [(0,)]
