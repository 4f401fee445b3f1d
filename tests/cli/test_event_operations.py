"""`billing events`: filters, counts, show, decisions, replays and late usage, as an operator uses them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer

from connectors import wiring
from connectors.settings import settings
from invoicing.administer import publish_plan
from tests.books import AUTHOR, MID_OCTOBER, RECEIVED_AT, a_plan, an_event, book, open_account, open_shop
from tests.invoicing.month import invoice_month
from tests.kafka_topics import topics

pytestmark = pytest.mark.engines

LONG_AGO = datetime(2025, 1, 10, tzinfo=UTC)
NOVEMBER_6 = RECEIVED_AT + timedelta(days=1)


@pytest.fixture(name="shop")
def _shop(database):
    open_shop()
    open_account("acme")
    wiring.topic_admin().create_missing(wiring.topics())
    return database


@pytest.fixture(name="answer")
def _answer(billing):
    """Runs a command with --json and reads its answer."""

    def answer(*arguments):
        ran = billing(*arguments, "--json")
        assert ran.out, ran.err
        return json.loads(ran.out)

    return answer


def test_lists_take_time_reason_topic_and_alias_and_go_on_after_an_id(shop, answer):
    book(shop, [an_event("one"), an_event("two"), b"{"], warehouse=False)
    book(shop, [an_event("one", at=LONG_AGO), an_event("acme", quantity=-1)], received_at=NOVEMBER_6, warehouse=False)

    def ids(*arguments):
        return [row["id"] for row in answer("events", *arguments)]

    assert ids("quarantine") == [1, 2, 3]
    assert ids("quarantine", "--after-id", "1", "--limit", "1") == [2]
    assert ids("quarantine", "--alias", "one", "--reason", "too_late") == [3]
    assert ids("quarantine", "--from", "2026-11-06") == [3]
    assert ids("quarantine", "--to", "2026-11-05T05:30+05:30") == []
    assert ids("quarantine", "--topic", "other") == []
    assert ids("dead-letters") == [2, 1]
    assert ids("dead-letters", "--after-id", "2") == [1]
    assert ids("dead-letters", "--alias", "acme", "--from", "2026-11-06") == [2]
    assert ids("conflicts", "--alias", "one") == []


def test_counts_by_reason(shop, answer):
    book(shop, [an_event("one"), an_event("two"), b"{", an_event("acme", at=LONG_AGO)], warehouse=False)
    waiting = answer("events", "quarantine", "--summary")
    assert [(row["reason"], row["state"], row["events"]) for row in waiting] == [
        ("too_late", "waiting", 1),
        ("unknown_alias", "waiting", 2),
    ]
    (letters,) = answer("events", "dead-letters", "--summary")
    assert (letters["reason"], letters["events"], letters["replayed"]) == ("not_json", 1, 0)
    assert answer("events", "conflicts", "--summary") == []


def test_a_time_that_is_none_is_a_usage_error(shop, billing):
    ran = billing("events", "quarantine", "--from", "yesterday")
    assert (ran.code, "is not a date or time" in ran.err.replace("\n", " ")) == (2, True)


def test_show_tells_everything_and_what_to_do(shop, answer, billing):
    book(shop, [an_event("one"), b"\xff{", an_event("acme", at=LONG_AGO)], warehouse=False)
    waiting = answer("events", "show", "quarantine", "1")
    assert (waiting["alias"], waiting["reason"], waiting["offset"]) == ("one", "unknown_alias", 0)
    assert "map-alias" in waiting["next_step"]
    assert json.loads(waiting["payload"])["subject"] == "one"
    assert answer("events", "show", "dead-letter", "1")["payload"] == "\\xff{"
    assert "events accept" in answer("events", "show", "quarantine", "2")["next_step"]
    missing = billing("events", "show", "conflict", "7")
    assert (missing.code, missing.err.strip()) == (1, "billing: conflict 7 does not exist: `billing events` lists them")


def test_show_lays_a_conflict_beside_the_event_that_counts(shop, answer, billing):
    event, waits = an_event("acme"), an_event("nobody")
    other, waits_too = event.replace(b'"sms"', b'"whatsapp"'), waits.replace(b'"quantity": 1', b'"quantity": 2')
    book(shop, [event, other, waits, waits_too], warehouse=False)
    found = answer("events", "show", "conflict", "1")
    assert (found["conflicts_with"]["state"], found["conflicts_with"]["account"]) == ("rated", "acme")
    lines = [line.split() for line in billing("events", "show", "conflict", "1").out.splitlines()]
    assert ["channel", "sms", "whatsapp", "yes"] in lines
    assert ["quantity", "1", "1"] in lines
    lines = [line.split() for line in billing("events", "show", "conflict", "2").out.splitlines()]
    assert ["quantity", "1", "2", "yes"] in lines


def test_a_late_event_is_accepted_or_rejected_by_name_and_reason(shop, answer, billing):
    book(shop, [an_event("acme", at=LONG_AGO), an_event("acme", at=LONG_AGO)], warehouse=False)
    assert billing("events", "accept", "1", "--why", "agreed").code == 2
    assert answer("events", "accept", "1", "--by", "asha", "--why", "agreed") == {"accepted": 1, "sent": 1}
    assert answer("events", "reject", "2", "--by", "asha", "--why", "test traffic") == {"rejected": 1}
    assert answer("events", "quarantine") == []
    assert [row["state"] for row in answer("events", "quarantine", "--state", "all")] == ["accepted", "rejected"]
    rejected = answer("events", "show", "quarantine", "2")
    assert (rejected["decided_by"], rejected["decided_why"]) == ("asha", "test traffic")
    refused = billing("events", "accept", "2", "--by", "asha", "--why", "changed my mind")
    assert (refused.code, "2 is rejected" in refused.err) == (1, True)
    assert billing("events", "reject", "--by", "asha", "--why", "all of it").code == 2


def test_dead_letters_are_replayed_once_and_tell_what_became_of_them(shop, warehouse, answer, billing):
    with topics("usage.events", partitions=1) as prefix:
        topic = prefix + "usage.events"
        _send(topic, an_event("acme", meter="link.clicked"), b"{")
        assert answer("events", "replay", "--topic", topic, "--from", "2020-01-01")["partitions"][0]["booked_now"] == {
            "dead_lettered": 2
        }
        price = {"model": "per_unit", "unit_price": "0.10"}
        charge = {"meter": "link.clicked", "description": "Link", "sac": "998319", "unit": "click", "price": price}
        plan = a_plan() | {"code": "links", "charges": [charge]}
        assert publish_plan(wiring.administration(), plan, author=AUTHOR)
        assert billing("events", "replay-dead-letters").code == 2
        assert answer("events", "replay-dead-letters", "--topic", topic) == {"replayed": 2}
        assert answer("events", "replay-dead-letters", "--topic", topic) == {"replayed": 0}
        assert answer("events", "show", "dead-letter", "1")["became"] == "not read by a worker yet"
        answer("events", "replay", "--topic", topic, "--from", "2020-01-01")
        became = [answer("events", "show", "dead-letter", str(number))["became"] for number in (1, 2)]
        assert became == ["quarantine 1 (no_price)", "dead letter 3 (not_json)"]
        assert answer("events", "replay-dead-letters", "2", "--again") == {"replayed": 1}


def test_a_topic_is_replayed_with_what_was_found_by_partition(shop, warehouse, cache, answer, billing):
    with topics("usage.events", partitions=2) as prefix:
        topic = prefix + "usage.events"
        _send(topic, an_event("acme"), an_event("acme"))
        dry = answer("events", "replay", "--topic", topic, "--from", "2020-01-01", "--dry-run")
        assert (dry["dry_run"], dry["partitions"][0]["missing"], dry["balances_told"]) == (True, 2, 0)
        done = answer("events", "replay", "--topic", topic, "--from", "2020-01-01")
        assert done["partitions"][0]["booked_now"] == {"rated": 2}
        assert (done["balances_told"], done["batches_warehoused_again"]) == (1, 1)
        with shop.begin() as connection:
            connection.exec_driver_sql("DELETE FROM usage_event WHERE record_offset = 1")
        lost = billing("events", "replay", "--topic", topic, "--from", "2020-01-01")
        assert (lost.code, lost.err.strip()) == (1, "billing: 1 events of booked ranges are in no book: 0@1")
        assert billing("events", "replay", "--topic", topic).code == 2


def test_late_usage_is_shown_by_account_due_invoiced_and_waiting(shop, warehouse, cache, answer, billing):
    book(shop, [an_event("acme", at=MID_OCTOBER)])
    invoice_month()
    assert answer("events", "late") == {"due": [], "invoiced": [], "waiting": []}
    book(shop, [an_event("acme", at=MID_OCTOBER, quantity=3), an_event("acme", at=LONG_AGO, quantity=2)], warehouse=False)
    late = answer("events", "late")
    assert late["due"] == [
        {
            "account": "acme",
            "month": "2026-10",
            "meter": "otp.delivered",
            "currency": "INR",
            "events": 1,
            "quantity_millionths": 3_000_000,
            "amount_micros": 600_000,
        }
    ]
    (waiting,) = late["waiting"]
    assert (waiting["account"], waiting["month"], waiting["events"]) == ("acme", "2025-01", 1)
    assert (waiting["quantity_millionths"], waiting["first_id"]) == (2_000_000, 1)
    assert answer("events", "late", "--month", "2026-10")["waiting"] == []
    assert "0.600000" in billing("events", "late").out


def _send(topic, *values):
    producer = Producer({"bootstrap.servers": settings().kafka_bootstrap})
    for value in values:
        producer.produce(topic, value=value, partition=0)
    assert producer.flush(30) == 0
