"""Documents of accounts: what may be said when one is opened, and what may change afterwards."""

from dataclasses import replace

import pytest

from domain.customers.account import changed, read_opening, with_defaults
from domain.errors import Invalid
from domain.money import Currency
from tests.builders_customers import an_account_document


def faults_of(read, *arguments):
    with pytest.raises(Invalid) as refused:
        read(*arguments)
    return [str(error) for error in refused.value.errors]


def test_an_account_leans_on_itself_unless_it_says_otherwise():
    opening = read_opening(an_account_document())
    assert (opening.account.bill_to, opening.account.pay_from, opening.account.parent) == ("acme-live", "acme-live", None)
    below = read_opening(an_account_document(parent="acme", bill_to="acme", pay_from="acme")).account
    assert (below.parent, below.bill_to, below.pay_from) == ("acme", "acme", "acme")


def test_currency_and_time_zone_are_its_customers_where_it_does_not_say():
    bare = an_account_document(currency=None, time_zone=None)
    opening = read_opening(with_defaults(bare, {"currency": "USD", "time_zone": "America/New_York"}))
    assert (opening.account.currency, opening.account.time_zone) == (Currency.USD, "America/New_York")
    said = read_opening(with_defaults(an_account_document(), {"currency": "USD", "time_zone": "UTC"}))
    assert said.account.currency is Currency.INR


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"mode": "free"}, "mode", "must be one of prepaid, postpaid, not 'free'"),
        ({"code": "../x"}, "code", "must be 1 to 64 letters"),
        ({"customer": None}, "customer", "it is missing"),
        ({"aliases": "web"}, "aliases", "must be a list of at most 1,000 aliases, not 'web'"),
        ({"aliases": ["web", "web"]}, "aliases[1]", "'web' stands in the list twice"),
        ({"aliases": ["x" * 129]}, "aliases[0]", "must be a text of 1 to 128 characters"),
        ({"aliases": ["a\0"]}, "aliases[0]", "must be a text of 1 to 128 characters"),
        ({"payment_term_days": "30"}, "payment_term_days", "must be a whole number from 0 to 365, not '30'"),
        ({"payment_term_days": 366}, "payment_term_days", "must be a whole number from 0 to 365, not 366"),
        ({"payment_term_days": True}, "payment_term_days", "must be a whole number from 0 to 365, not true"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "must be an IANA time zone"),
        ({"pay_form": "acme"}, "pay_form", "did you mean 'pay_from'?"),
    ],
)
def test_what_an_account_may_not_be_is_named(changes, path, reason):
    (fault,) = faults_of(read_opening, an_account_document(**changes))
    assert fault.startswith(f"{path}: ")
    assert reason in fault


def test_every_fault_of_an_account_is_named_at_once():
    found = faults_of(read_opening, an_account_document(mode="x", currency="EUR", time_zone="x/y/z", aliases=[1], plan=""))
    assert [fault.split(":")[0] for fault in found] == ["aliases[0]", "plan", "mode", "currency", "time_zone"]


def test_a_change_names_only_what_changes_and_null_goes_back_to_the_default():
    account = read_opening(an_account_document(parent="acme", bill_to="acme", payment_term_days=30, name="Live")).account
    assert changed(account, {"name": "Live traffic"}) == replace(account, name="Live traffic")
    back = changed(account, {"bill_to": None, "payment_term_days": None, "name": None, "parent": None})
    assert (back.bill_to, back.payment_term_days, back.name, back.parent) == ("acme-live", None, None, None)
    assert changed(account, {}) == account
    assert read_opening(account.document()).account == account


def test_what_is_settled_cannot_change_and_every_attempt_is_named():
    account = read_opening(an_account_document()).account
    found = faults_of(
        changed, account, {"mode": "postpaid", "currency": "USD", "customer": "bolt", "code": "b", "name": "\0"}
    )
    assert [fault.split(":")[0] for fault in found] == ["code", "customer", "mode", "currency", "name"]
    assert found[2] == "mode: is prepaid for good: open another account for 'postpaid'"


def test_aliases_and_plans_change_by_their_own_commands():
    account = read_opening(an_account_document()).account
    assert "aliases: unknown field" in faults_of(changed, account, {"aliases": ["x"]})[0]


def test_taking_back_a_field_that_does_not_exist_is_a_slip_that_is_named():
    account = read_opening(an_account_document()).account
    assert changed(account, {"name": None, "parent": None}) == account
    (fault,) = faults_of(changed, account, {"nmae": None, "name": None})
    assert fault.startswith("nmae: unknown field (did you mean 'name'?)")
    assert len(faults_of(changed, account, {"nmae": None, "extra": 1})) == 2
