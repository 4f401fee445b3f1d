"""`billing subscriptions` and `billing contracts` as an operator uses them."""

import json
from datetime import UTC, datetime

import pytest
import yaml
from sqlalchemy import Engine

from connectors import wiring
from invoicing.publish_plan import publish_plan
from tests.books import AUTHOR, a_plan, an_event, book, open_account, open_shop

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
