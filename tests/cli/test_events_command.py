"""`billing events`: what was refused or waits, and letting it go, as an operator uses them."""

import json

import pytest
from sqlalchemy import Engine, text

from connectors import wiring
from tests.books import an_event, book, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture(name="shop")
def _shop(database: Engine) -> Engine:
    open_shop()
    open_account("acme")
    return database


@pytest.fixture(name="answer")
def _answer(billing):
    """Runs a command with --json and reads its answer."""
    return lambda *arguments: json.loads(billing(*arguments, "--json").out)


def test_dead_letters_are_listed_with_the_reason_their_producer_needs(shop: Engine, answer) -> None:
    book(shop, [b"{", an_event("acme", quantity=2_000_000)], warehouse=False)

    rows = answer("events", "dead-letters")

    assert [row["reason"] for row in rows] == ["quantity", "not_json"]
    assert "data.quantity" in rows[0]["detail"]
    assert answer("events", "dead-letters", "--reason", "not_json")[0]["payload"] == "{"


def test_conflicts_are_listed(shop: Engine, answer) -> None:
    event = an_event("acme")
    book(shop, [event, event.replace(b'"sms"', b'"whatsapp"')], warehouse=False)

    rows = answer("events", "conflicts")

    assert [row["source"] for row in rows] == ["/tests"]
    assert "whatsapp" in rows[0]["payload"]


def test_quarantine_is_listed_by_alias(shop: Engine, answer) -> None:
    book(shop, [an_event("unknown-1"), an_event("unknown-2")], warehouse=False)

    assert [row["alias"] for row in answer("events", "quarantine")] == ["unknown-1", "unknown-2"]
    rows = answer("events", "quarantine", "--alias", "unknown-2")
    assert [(row["alias"], row["reason"]) for row in rows] == [("unknown-2", "unknown_alias")]


def test_what_a_producer_wrote_is_shown_and_neither_obeyed_nor_taken_for_markup(shop: Engine, billing) -> None:
    hostile = "[red]a[/b] :smile:\x1b[2J\u202e\n"
    book(shop, [an_event(hostile)], warehouse=False)

    for arguments in (("quarantine",), ("show", "quarantine", "1")):
        shown = billing("events", *arguments)
        assert (shown.code, shown.err) == (0, "")
        assert r"[red]a[/b] :smile:\x1b[2J\u202e" in shown.out


def test_released_events_are_sent_to_their_topic_again_and_booked_once(shop: Engine, answer) -> None:
    wiring.topic_admin().create_missing(wiring.topics())
    event = an_event("late-comer")
    book(shop, [event], warehouse=False)
    answer("accounts", "map-alias", "late-comer", "acme")

    assert answer("events", "release", "--alias", "late-comer") == {"released": 1, "left_too_late": 0}
    assert answer("events", "release", "--alias", "late-comer") == {"released": 0, "left_too_late": 0}
    book(shop, [event, event], warehouse=False)  # what the worker reads from the topic, even twice

    with shop.connect() as connection:
        counts = connection.execute(text("SELECT sum(rated), sum(duplicate), sum(quarantined) FROM batch_range")).one()
        waiting = connection.execute(text("SELECT count(*) FROM quarantined_event WHERE sent_at IS NULL")).scalar_one()
    assert tuple(counts) == (1, 1, 1)
    assert waiting == 0


def test_an_empty_list_says_so(shop: Engine, billing) -> None:
    assert billing("events", "dead-letters").out.strip() == "no dead letters"
