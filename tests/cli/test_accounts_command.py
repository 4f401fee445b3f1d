"""`billing accounts`: aliases and wallets, as an operator uses them."""

import json

import pytest
from sqlalchemy import Engine, text

from tests.books import open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def _accounts(database: Engine) -> None:
    open_shop()
    open_account("acme", mode="prepaid")
    open_account("zenith")


def test_the_list_shows_accounts_with_their_balances(billing) -> None:
    billing("accounts", "top-up", "acme", "1000.00", "UTR-1")

    rows = json.loads(billing("accounts", "list", "--json").out)

    assert [(row["account"], row["mode"], row["balance"]) for row in rows] == [
        ("acme", "prepaid", "1000.000000"),
        ("zenith", "postpaid", "0.000000"),
    ]


def test_a_list_that_was_cut_says_so_to_a_person(billing) -> None:
    assert "may be more" in billing("accounts", "list", "--limit", "1").err
    assert billing("accounts", "list").err == ""
    assert billing("accounts", "list", "--limit", "1", "--json").err == ""


def test_a_top_up_is_credited_once_per_reference(database: Engine, billing) -> None:
    first = json.loads(billing("accounts", "top-up", "acme", "500", "UTR-9", "--json").out)
    second = json.loads(billing("accounts", "top-up", "acme", "500", "UTR-9", "--json").out)

    assert (first["credited"], second["credited"]) == (True, False)
    with database.connect() as connection:
        assert connection.execute(text("SELECT max(balance_micros) FROM wallet")).scalar_one() == 500_000_000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("acme", "ten", "R"), "'ten' is not a number"),
        (("acme", "0", "R"), "must be above 0"),
        (("acme", "-5", "R"), "must be above 0"),
        (("acme", "1e20", "R"), "at most 1,000,000,000"),
        (("acme", "1.1234567", "R"), "more than 6 decimals"),
    ],
)
def test_an_amount_that_cannot_be_meant_is_refused(billing, arguments: tuple[str, ...], sentence: str) -> None:
    refused = billing("accounts", "top-up", "--", *arguments)

    assert refused.code == 2
    assert sentence in refused.err


def test_the_same_reference_with_another_amount_is_refused(billing) -> None:
    billing("accounts", "top-up", "acme", "500", "UTR-9")

    refused = billing("accounts", "top-up", "acme", "501", "UTR-9")

    assert refused.code == 2
    assert "use a new reference" in refused.err


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
    billing("accounts", "top-up", "acme", "10", "UTR-2", "--by", "ravi")

    with database.connect() as connection:
        records = connection.execute(text("SELECT actor, action FROM audit_record ORDER BY audit_id DESC LIMIT 2")).all()
    assert [tuple(record) for record in records] == [("ravi", "wallet.topped_up"), ("asha", "alias.mapped")]
