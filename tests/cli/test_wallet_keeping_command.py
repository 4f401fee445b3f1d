"""`billing wallets open|list|pay-for|transfer|close`: several wallets of an account, as an operator keeps them."""

import json

import pytest

from connectors import metering_wiring
from tests.books import credit, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def _acme(database, cache) -> None:
    open_shop()
    open_account("acme", mode="prepaid")


def test_a_wallet_is_opened_filled_emptied_and_closed(billing):
    opening = ("wallets", "open", "acme", "voice", "--for", "voice.minutes", "--json")
    opened = {"wallet": "acme/voice", "account": "acme", "pays_for": ["voice.minutes"]}
    assert json.loads(billing(*opening).out) == {**opened, "opened": True}
    assert json.loads(billing(*opening).out) == {**opened, "opened": False}

    credit("acme", "100.00")
    moved = ("wallets", "transfer", "acme", "acme/voice", "40.00", "T-1", "--reason", "calls in December", "--json")
    assert json.loads(billing(*moved).out)["transferred"] is True
    assert json.loads(billing(*moved).out)["transferred"] is False
    told = metering_wiring.balance_cache().read([1, 2])
    assert [told[number].balance_micros for number in (1, 2)] == [60_000_000, 40_000_000]

    rows = json.loads(billing("wallets", "list", "acme", "--json").out)
    assert [(row["wallet"], row["balance"], row["pays_for"]) for row in rows] == [
        ("acme", "60.000000", ["everything else"]),
        ("acme/voice", "40.000000", ["voice.minutes"]),
    ]
    assert [row["account"] for row in json.loads(billing("accounts", "list", "--json").out)] == ["acme"]
    assert json.loads(billing("wallets", "lots", "acme/voice", "--json").out)[0]["kind"] == "paid"

    assert billing("wallets", "close", "acme/voice").code == 2
    billing("wallets", "transfer", "acme/voice", "acme", "40.00", "T-2", "--reason", "not needed")
    assert json.loads(billing("wallets", "close", "acme/voice", "--json").out)["closed"] is True


def test_what_a_wallet_pays_for_is_changed_also_to_nothing(billing):
    billing("wallets", "open", "acme", "voice", "--for", "voice.minutes")
    changed = billing("wallets", "pay-for", "acme/voice", "voice.minutes", "otp.delivered", "--json")
    assert json.loads(changed.out) == {
        "wallet": "acme/voice", "pays_for": ["otp.delivered", "voice.minutes"], "changed": True,
    }  # fmt: skip
    assert json.loads(billing("wallets", "pay-for", "acme/voice", "--json").out)["pays_for"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("open", "acme", "usd", "--for", "voice.minutes", "--currency", "USD"), "open an account in USD for the customer"),
        (("open", "acme", "sms", "--for", "telegrams"), "no meter 'telegrams' is published"),
        (("open", "nobody", "sms", "--for", "voice.minutes"), "'nobody' does not exist"),
        (("pay-for", "acme/sms", "voice.minutes"), "no further wallet 'acme/sms' exists"),
        (("transfer", "acme", "acme", "1.00", "T-1", "--reason", "none"), "both are the same"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(billing, arguments, sentence):
    ran = billing("wallets", *arguments)
    assert ran.code != 0
    assert sentence in " ".join(ran.err.split())
