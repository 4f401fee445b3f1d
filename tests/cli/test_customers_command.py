"""`billing customers` and `billing accounts` on accounts themselves, as an operator uses them."""

import json

import pytest
import yaml

from tests.books import open_shop
from tests.builders_customers import a_customer_document

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def shop(database, cache):
    open_shop()
    return database


@pytest.fixture(name="acme")
def _acme(tmp_path, billing):
    file = tmp_path / "acme.yaml"
    file.write_text(yaml.safe_dump(a_customer_document()))
    created = billing("customers", "create", "--file", str(file), "--by", "asha", "--json")
    assert json.loads(created.out) == {"customer": "acme", "version": 1, "changed": True}
    return file


def test_a_customer_is_shown_edited_and_given_back(acme, billing):
    acme.write_text(billing("customers", "show", "acme").out.replace("Acme Private Limited", "Acme India Private Limited"))
    updated = billing("customers", "update", "acme", "--file", str(acme), "--json")
    assert json.loads(updated.out) == {"customer": "acme", "version": 2, "changed": True}
    shown = json.loads(billing("customers", "show", "acme", "--json").out)
    assert (shown["legal_name"], shown["version"], shown["about"]["status"]) == ("Acme India Private Limited", 2, "active")
    assert (shown["about"]["pan"], shown["about"]["place_of_supply"]) == ("AAPFU0939F", "27")
    again = billing("customers", "update", "acme", "--file", str(acme))
    assert (again.code, again.out) == (2, "")
    assert "version: is 1, and customer acme is at 2 by now" in again.err


def test_a_customer_is_made_and_changed_by_options_alone(billing):
    made = billing(
        *("customers", "create", "bolt", "--set", "legal_name=Bolt LLP", "--set", "email=a@bolt.example"),
        *("--set", "addresses.billing={lines: [1 Ring Road], city: Bengaluru, state_code: '29', country: IN}"),
        *("--set", "tax.category=unregistered", "--set", "languages=[en-IN, hi]", "--json"),
    )
    assert json.loads(made.out)["version"] == 1
    changed = billing(
        "customers", "update", "bolt", "--version", "1", "--set", "phone=+91 80 4567 8900", "--unset", "languages"
    )
    assert changed.code == 0
    shown = json.loads(billing("customers", "show", "bolt", "--json").out)
    assert (shown["phone"], "languages" in shown, shown["version"]) == ("+91 80 4567 8900", False, 2)
    rows = json.loads(billing("customers", "list", "BOLT", "--json").out)
    assert [(row["customer"], row["category"], row["open_accounts"]) for row in rows] == [("bolt", "unregistered", 0)]
    assert billing("customers", "list", "nobody").out.strip() == "no such customer"


def test_every_wrong_field_is_a_line_of_its_own(billing):
    refused = billing("customers", "create", "a b", "--set", "legal_nam=Acme", "--set", "email=x")
    lines = refused.err.strip().splitlines()
    assert (refused.code, refused.out) == (2, "")
    assert all(line.startswith("billing: ") for line in lines)
    assert {line.split(":")[1].strip() for line in lines} == {"code", "legal_name", "email", "addresses", "tax", "legal_nam"}
    assert "did you mean 'legal_name'?" in refused.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("customers", "show", "nobody"), 1, "customer 'nobody' does not exist"),
        (("customers", "update", "acme", "--set", "email=a@b.example"), 2, "version: say which one you saw"),
        (("customers", "update", "acme", "--version", "1", "--set", "email"), 2, "must be FIELD=VALUE"),
        (("customers", "create", "--file", "/nowhere.yaml"), 2, "/nowhere.yaml: cannot be read"),
        (("customers", "archive", "nobody"), 1, "does not exist"),
        (("accounts", "show", "nobody"), 1, "account 'nobody' does not exist"),
        (("accounts", "close", "nobody"), 1, "account 'nobody' does not exist"),
        (("accounts", "open", "x", "--customer", "acme"), 2, "mode: must be one of prepaid, postpaid; it is missing"),
        (("accounts", "set-thresholds", "nobody", "--days", "3"), 1, "account 'nobody' does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(acme, billing, arguments, code, sentence):
    refused = billing(*arguments)
    assert (refused.code, refused.out) == (code, "")
    assert sentence in refused.err


def test_an_account_is_opened_changed_warned_and_closed_and_its_customer_archived(acme, billing):
    opened = billing(
        *("accounts", "open", "acme-live", "--customer", "acme", "--mode", "prepaid", "--plan", "otp-inr"),
        *("--alias", "acme-web", "--payment-term-days", "30", "--json"),
    )
    assert json.loads(opened.out) == {"account": "acme-live", "version": 1, "changed": True}
    assert billing("accounts", "update", "acme-live", "--version", "1", "--set", "name=Live").code == 0
    warned = billing(
        "accounts", "set-thresholds", "acme-live", "--absolute", "500", "--percent", "20", "--days", "3", "--json"
    )
    assert json.loads(warned.out)["thresholds"] == 3
    shown = json.loads(billing("accounts", "show", "acme-live", "--json").out)
    assert (shown["name"], shown["payment_term_days"], shown["version"]) == ("Live", 30, 2)
    assert (shown["about"]["aliases"], len(shown["about"]["thresholds"])) == (["acme-web"], 3)
    assert "acme-live is open" not in billing("customers", "show", "acme").err
    refused = billing("customers", "archive", "acme")
    assert "accounts.acme-live: is open: `billing accounts close acme-live` first" in refused.err
    assert billing("accounts", "close", "acme-live", "--by", "asha").code == 0
    assert billing("customers", "archive", "acme", "--by", "asha").code == 0
    assert "status: archived" in billing("customers", "show", "acme").out
