"""`billing accounts` on aliases and the tree, and what explains an event's attribution, as an operator uses them."""

import json

import pytest

from domain.money import Currency
from tests.books import an_event, book, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def shop(database, cache):
    open_shop()
    for code in ("group", "branch"):
        open_account(code)
    open_account("dollars", currency=Currency.USD)
    open_account("prepaid", mode="prepaid")
    return database


def test_an_alias_is_mapped_moved_ended_and_listed(billing):
    mapped = billing("accounts", "map-alias", "web", "group", "--from", "2026-10-01T00:00:00+05:30", "--json")
    assert json.loads(mapped.out) == {"alias": "web", "account": "group", "new": True}
    moved = billing(
        "accounts", "move-alias", "web", "--to", "branch", "--at", "2026-11-01T00:00:00Z", "--by", "asha", "--json"
    )
    assert json.loads(moved.out) == {
        "alias": "web",
        "before": "group from 2026-09-30T18:30:00Z",
        "after": ["group from 2026-09-30T18:30:00Z until 2026-11-01T00:00:00Z", "branch from 2026-11-01T00:00:00Z"],
    }
    billing("accounts", "end-alias", "web", "--at", "2026-12-01T00:00:00Z")
    listed = json.loads(billing("accounts", "aliases", "--alias", "web", "--json").out)
    assert [(row["account"], row["since"], row["until"]) for row in listed] == [
        ("group", "2026-09-30 18:30:00+00:00", "2026-11-01 00:00:00+00:00"),
        ("branch", "2026-11-01 00:00:00+00:00", "2026-12-01 00:00:00+00:00"),
    ]
    assert "further notice" in billing("accounts", "aliases", "--account", "group").out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("move-alias", "group", "--to", "branch", "--at", "2026-11-01"), 2, "at: '2026-11-01' has no time zone: add one"),
        (("move-alias", "group", "--to", "branch", "--at", "soon"), 2, "at: 'soon' is not a time of the form"),
        (("move-alias", "group", "--to", "branch", "--at", "0001-01-01T00:00:00+14:00"), 2, "not of the years 1970 to 2999"),
        (("map-alias", "group", "branch"), 2, "names account group already (always)"),
        (("move-alias", "group", "--to", "nobody", "--at", "2026-11-01T00:00:00Z"), 1, "'nobody' does not exist"),
        (("end-alias", "web"), 1, "alias 'web' names no account"),
        (("set-parent", "branch"), 2, "parent: name the account, or say --none"),
        (("set-parent", "group", "group"), 2, "group stands below group; a tree has no circles"),
        (("set-pay-from", "branch", "group"), 2, "branch does not stand below group"),
        (("set-bill-to", "branch", "nobody"), 1, "'nobody' does not exist"),
        (("tree", "nobody"), 1, "'nobody' does not exist"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(billing, arguments, code, sentence):
    refused = billing("accounts", *arguments)
    assert (refused.code, refused.out) == (code, "")
    assert sentence in refused.err


def test_accounts_of_another_currency_or_mode_stand_in_the_tree_and_do_not_pay_for_each_other(billing):
    for code, sentence in (("dollars", "is in USD and group in INR"), ("prepaid", "is prepaid and group postpaid")):
        assert billing("accounts", "set-parent", code, "group").code == 0
        refused = billing("accounts", "set-pay-from", code, "group")
        assert (refused.code, sentence in refused.err) == (2, True)


def test_a_tree_is_arranged_and_shown_and_balances_are_told(shop, billing, cache):
    book(shop, [an_event("branch")], warehouse=False)
    billing("accounts", "set-parent", "branch", "group")
    billing("accounts", "set-bill-to", "branch", "group")
    paid = json.loads(billing("accounts", "set-pay-from", "branch", "group", "--json").out)
    assert paid == {"changed": ["branch"], "moved": "0.200000"}
    rows = json.loads(billing("accounts", "tree", "group", "--json").out)
    assert [(row["depth"], row["code"], row["bill_to"], row["pay_from"]) for row in rows] == [
        (0, "group", "group", "group"),
        (1, "branch", "group", "group"),
    ]
    assert "\n  branch" in billing("accounts", "tree").out
    assert {cache.hget(key, "balance_micros") for key in cache.keys("balance:*")} == {"0", "-200000"}
    back = billing("accounts", "set-parent", "branch", "--none")
    assert "branch is billed to group" in back.err


def test_why_an_event_is_on_its_account_is_told_with_who_made_that_so(shop, billing):
    billing("accounts", "map-alias", "web", "branch", "--by", "asha")
    event = an_event("web")
    book(shop, [event], warehouse=False)
    event_id = json.loads(event)["id"]
    billing("accounts", "map-alias", "later", "branch", "--by", "ravi")

    told = json.loads(billing("events", "explain-attribution", event_id, "--source", "/tests", "--json").out)

    (booked,) = told["booked"]
    assert (booked["alias"], booked["account"], booked["paid_by"]) == ("web", "branch", "branch")
    assert (booked["version_made_by"], booked["version_audited_as"]) == ("alias insert", "asha: alias.mapped web")
    assert "asha: alias.mapped web" in billing("events", "explain-attribution", event_id, "--source", "/tests").out
    assert billing("events", "explain-attribution", "nothing").code == 1
