"""`billing wallets`: an empty or wrong Redis is right again, and holds from the command line."""

import json
from datetime import timedelta

import pytest

from connectors import clock, metering_wiring
from invoicing.metering_ports import Balance
from tests.books import an_event, book, credit, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture
def shop(database, warehouse, cache):
    """Two accounts, one with an event."""
    open_shop()
    open_account("acme")
    open_account("quiet")
    book(database, [an_event("acme")], warehouse=False)
    return database


def test_every_balance_is_told(shop, cache, billing):
    ran = billing("wallets", "refill-cache", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"balances_told": 2})
    standing = {"status": "active", "floor_micros": "", "standing_version": "0"}
    assert cache.hgetall("balance:1") == {"balance_micros": "-200000", "version": "1", **standing}
    assert cache.hgetall("balance:2") == {"balance_micros": "0", "version": "0", **standing}


def test_a_newer_balance_stays(shop, cache, billing):
    metering_wiring.balance_cache().put([Balance(1, 1, -900_000, 7)])
    assert billing("wallets", "refill-cache").code == 0
    assert cache.hget("balance:1", "version") == "7"


def test_a_cache_emptied_after_it_was_filled_is_filled_again(shop, cache, billing):
    billing("wallets", "refill-cache")
    cache.flushdb()
    assert billing("wallets", "refill-cache").code == 0
    assert cache.hget("balance:1", "balance_micros") == "-200000"


def test_a_wrong_cache_is_swept_and_said_to_have_been_wrong(shop, cache, billing):
    billing("wallets", "refill-cache")
    cache.hset("balance:1", "balance_micros", 5)
    ran = billing("wallets", "sweep-cache", "--json")
    assert (ran.code, json.loads(ran.out)["different"]) == (1, 1)
    assert billing("wallets", "sweep-cache").code == 0


def test_a_hold_is_asked_for_and_voided(shop, cache, billing):
    asked = ("acme", "otp.delivered", "h1", "--property", "channel=sms", "--json")
    ran = billing("wallets", "hold", *asked)
    assert (ran.code, json.loads(ran.out)["answer"]) == (0, "yes")
    assert json.loads(billing("wallets", "may-send", *asked[:2], "--json").out)["reserved_micros"] == 200_002
    assert json.loads(billing("wallets", "void", "acme", "h1", "--json").out) == {"released": 1}
    assert json.loads(billing("wallets", "settle", "acme", "h1", "--json").out) == {"released": 0}


def test_a_suspended_account_is_a_no_with_exit_code_one(shop, cache, billing):
    billing("wallets", "refill-cache")
    cache.hset("balance:1", "status", "suspended")
    ran = billing("wallets", "may-send", "acme", "otp.delivered", "--json")
    assert (ran.code, json.loads(ran.out)["answer"]) == (1, "suspended")


def test_a_property_without_a_value_is_refused_with_an_example(shop, billing):
    ran = billing("wallets", "may-send", "acme", "otp.delivered", "--property", "sms")
    assert ran.code == 2
    assert "channel=sms" in ran.err


def test_credit_is_granted_listed_and_on_the_statement(shop, cache, billing):
    granted = ("wallets", "grant", "acme", "100.00", "LAUNCH", "--reason", "launch", "--promotional", "--json")
    assert json.loads(billing(*granted).out)["granted"] is True
    assert json.loads(billing(*granted).out)["granted"] is False
    (lot,) = json.loads(billing("wallets", "lots", "acme", "--json").out)
    assert (lot["kind"], lot["remaining"], lot["in_use"]) == ("promotional", "99.800000", True)
    span = ("--from", "2026-01-01", "--to", "2100-01-01T00:00+05:30")
    statement = json.loads(billing("wallets", "statement", "acme", *span, "--json").out)
    assert (statement["opening_micros"], statement["closing_micros"]) == (0, 99_800_000)
    assert "closing" in billing("wallets", "statement", "acme", *span).out
    assert json.loads(billing("wallets", "statement", "acme", "--json").out)["closing_micros"] == 99_800_000
    assert json.loads(billing("wallets", "expire", "--json").out) == {"lots": 0, "micros": 0}
    assert cache.hget("balance:1", "balance_micros") == "99800000"


def test_an_amount_that_is_not_a_number_is_refused(shop, billing):
    ran = billing("wallets", "grant", "acme", "much", "G", "--reason", "why")
    assert (ran.code, "1000.00" in ran.err) == (2, True)


def test_a_persons_word_suspends_and_its_end_brings_back(shop, cache, billing):
    billing("wallets", "grant", "acme", "5.00", "G", "--reason", "why")
    billing("wallets", "watch")
    word = ("--until", "2099-01-01", "--reason", "fraud", "--by", "asha")
    assert billing("wallets", "override", "acme", "suspended", *word).code == 2  # too far off
    soon = (clock.now() + timedelta(days=1)).isoformat()
    ran = billing("wallets", "override", "acme", "suspended", "--until", soon, "--reason", "fraud", "--json")
    assert (ran.code, json.loads(ran.out)["effective"]) == (0, "suspended")
    assert cache.hget("balance:1", "status") == "suspended"
    assert json.loads(billing("wallets", "end-override", "acme", "--json").out)["effective"] == "active"
    shown = json.loads(billing("wallets", "standing", "acme", "--json").out)
    assert [row["effective"] for row in shown["history"]] == ["active", "suspended", "active"]
    assert billing("wallets", "standing", "nobody").code == 1
    assert "suspended" in billing("wallets", "states").out


def test_an_alert_is_listed_and_taken_up_once(shop, cache, billing):
    open_account("bolt", mode="prepaid")
    credit("bolt", "1.00")
    billing("wallets", "watch")
    book(shop, [an_event("bolt", quantity=5)], warehouse=False)
    billing("wallets", "watch")
    alerts = json.loads(billing("wallets", "alerts", "--json").out)
    assert {row["threshold"] for row in alerts} >= {"percent_of_last_top_up:20", "absolute:0"}
    one = str(alerts[0]["alert_id"])
    later = (clock.now() + timedelta(days=1)).isoformat()
    assert billing("wallets", "snooze-alert", one, "--until", later).code == 0
    assert billing("wallets", "acknowledge-alert", one, "--by", "asha").code == 0
    assert billing("wallets", "acknowledge-alert", one, "--by", "ravi").code == 1
    assert len(json.loads(billing("wallets", "alerts", "--json").out)) == len(alerts) - 1


def test_terms_decide_when_service_stops(shop, cache, billing):
    open_account("bolt", mode="prepaid")
    assert billing("wallets", "set-terms", "bolt", "--grace", "0", "--grace-hours", "0").code == 0
    credit("bolt", "1.00")
    book(shop, [an_event("bolt", quantity=6)], warehouse=False)
    billing("wallets", "watch")
    assert cache.hget("balance:3", "status") == "suspended"
    assert billing("wallets", "set-terms", "bolt", "--low", "-1").code == 2


def test_a_transfer_takes_two_persons(shop, billing):
    open_account("bolt", mode="prepaid")
    entered = billing("wallets", "enter-transfer", "bolt", "118.00", "UTR-1", "--by", "asha", "--json")
    number = str(json.loads(entered.out)["transfer"])
    assert billing("wallets", "confirm-transfer", number, "--by", "asha").code == 1
    assert billing("wallets", "confirm-transfer", number, "--by", "ravi").code == 0
    (voucher,) = json.loads(billing("wallets", "vouchers", "--json").out)
    assert (voucher["total_minor"], voucher["taxable_minor"]) == (11_800, 10_000)
    assert billing("wallets", "waiting-payments").code == 0
    assert json.loads(billing("wallets", "apply-payments", "--json").out)["tried"] == 0
