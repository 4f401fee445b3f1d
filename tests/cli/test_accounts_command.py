"""`billing accounts`: aliases and wallets, as an operator uses them."""

import json

import pytest
from sqlalchemy import Engine, text

from tests.books import credit, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def _accounts(database: Engine) -> None:
    open_shop()
    open_account("acme", mode="prepaid")
    open_account("zenith")


def test_the_list_shows_accounts_with_their_balances(billing) -> None:
    credit("acme", "1000.00")

    rows = json.loads(billing("accounts", "list", "--json").out)

    assert [(row["account"], row["mode"], row["balance"]) for row in rows] == [
        ("acme", "prepaid", "1000.000000"),
        ("zenith", "postpaid", "0.000000"),
    ]


def test_a_list_that_was_cut_says_so_to_a_person(billing) -> None:
    assert "may be more" in billing("accounts", "list", "--limit", "1").err
    assert billing("accounts", "list").err == ""
    assert billing("accounts", "list", "--limit", "1", "--json").err == ""


def test_an_alias_names_one_account(billing) -> None:
    assert json.loads(billing("accounts", "map-alias", "acme-web", "acme", "--json").out)["new"]
    assert not json.loads(billing("accounts", "map-alias", "acme-web", "acme", "--json").out)["new"]

    taken = billing("accounts", "map-alias", "acme-web", "zenith")
    unknown = billing("accounts", "map-alias", "other", "nobody")

    assert (taken.code, unknown.code) == (2, 1)
    assert "names account acme already" in taken.err
    assert "'nobody' does not exist" in unknown.err


def test_every_change_is_audited(database: Engine, billing) -> None:
    billing("accounts", "map-alias", "acme-web", "acme", "--by", "asha")
    billing("wallets", "grant", "acme", "10", "G-2", "--reason", "sorry", "--by", "ravi")

    with database.connect() as connection:
        records = connection.execute(text("SELECT actor, action FROM audit_record ORDER BY audit_id DESC LIMIT 2")).all()
    assert [tuple(record) for record in records] == [("ravi", "wallet.credit_granted"), ("asha", "alias.mapped")]
