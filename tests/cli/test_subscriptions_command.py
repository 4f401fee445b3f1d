"""`billing subscriptions` and `billing contracts` as an operator uses them."""

import json
from datetime import UTC, datetime

import pytest
import yaml
from sqlalchemy import Engine

from connectors import wiring
from invoicing.publish_plan import publish_plan
from tests.books import AUTHOR, a_plan, an_event, book, open_account, open_shop
from tests.fee_charges import add_charge

pytestmark = pytest.mark.engines


@pytest.fixture
def shop(database: Engine, warehouse, cache):
    open_shop()
    open_account("acme")
    dearer = a_plan()
    dearer["charges"][0]["price"] = {"model": "per_unit", "unit_price": "0.30"}
    publish_plan(wiring.administration(), dearer, author=AUTHOR)
    return database


def test_a_change_says_what_was_and_what_is(shop, billing):
    changed = billing("subscriptions", "change", "acme", "--plan", "otp-inr@2", "--why", "upgrade", "--json")
    facts = json.loads(changed.out)
    assert (facts["before"], facts["after"], facts["events_to_rerate"]) == ("otp-inr v1", "otp-inr v2", 0)
    shown = json.loads(billing("subscriptions", "show", "acme", "--json").out)
    assert [(row["plan"], row["why"]) for row in shown] == [("otp-inr v1", None), ("otp-inr v2", "upgrade")]


def test_a_back_dated_change_names_the_events_to_charge_anew(shop, billing):
    book(shop, [an_event("acme", at=datetime(2026, 10, 15, tzinfo=UTC))])
    changed = billing("subscriptions", "change", "acme", "--plan", "otp-inr", "--at", "2026-10-10T00:00:00Z")
    assert "1 events since then were charged as before: `billing rerate --account acme" in changed.out.replace("\n", " ")


def test_a_preview_of_a_migration_shows_the_money_and_moves_nobody(shop, billing):
    book(shop, [an_event("acme", at=datetime(2026, 10, 15, tzinfo=UTC), quantity=10)])
    arguments = ("subscriptions", "migrate", "--plan", "otp-inr@2", "--preview", "--over", "2026-10", "--json")
    facts = json.loads(billing(*arguments).out)
    (row,) = facts["moved"]
    assert (row["account"], row["usage"], row["usage_would_be"], row["usage_difference"]) == ("acme", "2.00", "3.00", "1.00")
    assert facts["totals"] == [
        {"accounts": 1, **{name: row[name] for name in list(row) if name not in ("account", "at", "from")}}
    ]
    assert [one["plan"] for one in json.loads(billing("subscriptions", "list", "--json").out)] == ["otp-inr v1"]


def test_a_migration_moves_and_a_second_one_finds_nobody(shop, billing):
    assert "1 accounts moved to otp-inr v2" in billing("subscriptions", "migrate", "--plan", "otp-inr").out
    assert "nobody is on another version" in billing("subscriptions", "migrate", "--plan", "otp-inr").out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("change", "acme", "--plan", "otp-inr@x"), 2, "names no version"),
        (("change", "acme", "--plan", "otp-inr@9"), 1, "otp-inr v9 was never published"),
        (("change", "acme", "--plan", "otp-usd"), 2, "is in USD and account acme in INR"),
        (("start", "acme", "--plan", "otp-inr"), 2, "is on otp-inr v1"),
        (("resume", "acme"), 1, "is not paused"),
        (("cancel", "acme", "--at", "2026-10-10"), 2, "has no time zone"),
        (("cancel", "nobody"), 1, "does not exist"),
    ],
)
def test_a_refusal_names_the_field_and_the_way_out(shop, billing, arguments, code, sentence):
    refused = billing("subscriptions", *arguments)
    assert refused.code == code
    assert sentence in refused.err.replace("\n", " ")


def test_a_contract_file_is_written_shown_and_ended(shop, billing, tmp_path):
    contract = {
        "code": "acme-2026", "account": "acme", "currency": "INR", "from": "2026-10-10T00:00:00+05:30",
        "adjustments": [
            {"code": "loyalty", "kind": "percentage", "percent": "5", "description": "Loyalty", "sac": "998319"}
        ],
    }  # fmt: skip
    file = tmp_path / "acme.yaml"
    file.write_text(yaml.safe_dump(contract))
    assert json.loads(billing("contracts", "write", str(file), "--json").out)["charges"] == 1
    assert "percent: '5'" in billing("contracts", "show", "acme-2026").out
    assert billing("contracts", "end", "acme-2026", "--at", "2026-10-20T00:00:00+05:30").code == 0
    (row,) = json.loads(billing("contracts", "list", "--json").out)
    assert (row["contract"], row["party"], row["to"]) == ("acme-2026", "acme", "2026-10-19 18:30:00+00:00")
    assert "no contract ends within 30 days" in billing("contracts", "expiring").out


def test_a_wrong_contract_file_is_refused_with_every_fault(shop, billing, tmp_path):
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps({"code": "a b", "currency": "EUR", "from": "tomorrow"}))
    refused = billing("contracts", "write", str(file))
    assert refused.code == 2
    for path in ("account: ", "from: ", "code: ", "currency: "):
        assert path in refused.err


def test_what_gave_way_is_said_when_it_does_and_shown_afterwards(shop, billing):
    billing("subscriptions", "change", "acme", "--plan", "otp-inr", "--at-period-end", "--why", "more")
    cancelled = json.loads(billing("subscriptions", "cancel", "acme", "--json").out)
    assert [text.split(" from ")[0] for text in cancelled["gave_way"]] == ["otp-inr v2"]
    history = json.loads(billing("subscriptions", "show", "acme", "--history", "--json").out)
    assert [(row["plan"], row["why"], row["gave_way_at"] is None) for row in history] == [
        ("otp-inr v1", None, False),
        ("otp-inr v1", None, False),
        ("otp-inr v2", "more", False),
        ("otp-inr v1", None, True),
    ]


def test_a_cancellation_is_taken_back(shop, billing):
    billing("subscriptions", "cancel", "acme", "--at-period-end")
    assert billing("subscriptions", "reactivate", "acme", "--why", "stays").code == 0
    (row,) = json.loads(billing("subscriptions", "show", "acme", "--json").out)
    assert (row["plan"], row["to"]) == ("otp-inr v1", None)
    assert "no cancellation to take back" in billing("subscriptions", "reactivate", "acme").err.replace("\n", " ")


def test_fees_are_previewed_then_booked_once(shop, billing):
    add_charge(shop, "otp-inr", "one_time", "setup", amount="5000.00")
    open_account("newcomer")
    (row,) = json.loads(billing("fees", "accrue", "--preview", "--json").out)
    assert (row["account"], row["period"], row["amount"]) == ("newcomer", "once", "5000.000000")
    assert json.loads(billing("fees", "accrue", "--account", "acme", "--json").out) == {"accounts": 1, "changed": 0}
    assert json.loads(billing("fees", "accrue", "--json").out) == {"accounts": 1, "changed": 1}
    assert json.loads(billing("fees", "accrue", "--json").out) == {"accounts": 1, "changed": 0}
    assert "every fee is booked" in billing("fees", "accrue", "--preview").out
    assert billing("fees", "accrue", "--account", "nobody").code == 1


def test_contracts_that_expire_within_more_than_a_century_are_not_asked_for(shop, billing):
    refused = billing("contracts", "expiring", "--days", "99999999999")
    assert (refused.code, "Invalid value for '--days'" in refused.err) == (2, True)


@pytest.mark.parametrize("version", ["x", "\u0663", "9" * 5_000, "-1"])
def test_a_version_that_is_no_number_is_refused(shop, billing, version):
    refused = billing("subscriptions", "change", "acme", "--plan", f"otp-inr@{version}")
    assert (refused.code, "names no version: write e.g. otp-india@2" in refused.err) == (2, True)
