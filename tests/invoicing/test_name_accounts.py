"""Naming accounts: an alias moves at an instant, events follow by their time, and what is booked stays where it is."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors import wiring
from domain.errors import InvalidInput, NotFound
from invoicing.name_accounts import end_alias, map_alias, move_alias
from tests.books import AUTHOR, open_account, open_shop
from tests.builders_usage import a_usage_event
from tests.metering_books import Books, Topic, Worker

pytestmark = pytest.mark.engines

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def books(database):
    """acme with the alias shop, and bolt; every check of sql/checks/ holds when the test is over."""
    open_shop()
    open_account("acme")
    open_account("bolt")
    books = Books(database)
    assert map_alias(wiring.administration(), "shop", account_code="acme", start=None, author=AUTHOR)
    yield books
    assert books.failing_checks() == {}


@pytest.fixture
def worker(books):
    worker = Worker()
    yield worker
    worker.store.close()


def events(*moments):
    return [a_usage_event(f"at {moment}", subject="shop", at=moment) for moment in moments]


def move(to="bolt", *, at=NOON):
    return move_alias(wiring.administration(), "shop", to=to, at=at, author=AUTHOR)


def accounts_of(books):
    """The accounts of booked events by the time they happened."""
    rows = books.rows("SELECT code FROM usage_event JOIN account USING (account_id) ORDER BY event_time")
    return [code for (code,) in rows]


def test_events_follow_a_moved_alias_by_the_instant_they_happened(worker, books):
    move()
    worker.take(Topic().append(*events(NOON - TICK, NOON, NOON + TICK)))
    assert accounts_of(books) == ["acme", "bolt", "bolt"]


def test_a_worker_that_runs_rates_with_the_move_in_its_next_batch(worker, books):
    topic = Topic()
    worker.take(topic.append(*events(NOON - HOUR)))
    move()
    worker.take(topic.append(*events(NOON - TICK, NOON)))
    assert accounts_of(books) == ["acme", "acme", "bolt"]


def test_a_move_before_events_that_are_booked_is_refused_with_how_many_there_are(worker, books):
    worker.take(Topic().append(*events(NOON - TICK, NOON, NOON + HOUR)))
    sentence = r"at: 2 events of alias 'shop' from 2026-10-15T12:00:00\+00:00 on are booked for account acme already"
    with pytest.raises(InvalidInput, match=sentence):
        move(at=NOON)
    with pytest.raises(InvalidInput, match=r"1 event of alias 'shop' .* is booked for account acme already"):
        end_alias(wiring.administration(), "shop", at=NOON + HOUR, author=AUTHOR)
    move(at=NOON + HOUR + TICK)
    assert books.rows("SELECT count(*) FROM alias WHERE alias = 'shop'") == [(2,)]


def test_events_of_another_alias_and_of_another_span_do_not_stand_in_the_way(worker, books):
    move(at=NOON + HOUR)
    later_and_of_others = [*events(NOON + HOUR), a_usage_event("other", subject="acme", at=NOON)]
    worker.take(Topic().append(*later_and_of_others))
    change = move(at=NOON)
    assert [str(span) for span in change.after] == [
        "until 2026-10-15T12:00:00Z",
        "from 2026-10-15T12:00:00Z until 2026-10-15T13:00:00Z",
    ]


def test_what_is_booked_while_a_move_looks_at_the_books_stands_in_its_way(worker, books):
    """The first look is taken beside the workers; the second one, with them held, sees what came in between."""
    topic = Topic()
    worker.take(topic.append(*events(NOON - HOUR)))
    with wiring.administration().begin() as transaction:
        assert transaction.aliases.events_booked("shop", start=NOON, end=None) == 0
        worker.take(topic.append(*events(NOON - TICK, NOON + TICK), partition=1))
        worker.take(topic.append(*events(NOON + HOUR)))
        transaction.hold_configuration()
        assert transaction.aliases.events_booked("shop", start=NOON, end=None) == 2
        assert transaction.aliases.events_booked("shop", start=NOON, end=NOON + HOUR) == 1


def test_events_of_an_alias_that_ended_wait_in_quarantine(worker, books):
    end_alias(wiring.administration(), "shop", at=NOON, author=AUTHOR)
    worker.take(Topic().append(*events(NOON - TICK, NOON)))
    assert books.outcomes() == {"rated": 1, "quarantined": 1}


def test_an_alias_is_mapped_from_a_time_on(worker, books):
    end_alias(wiring.administration(), "shop", at=NOON, author=AUTHOR)
    assert map_alias(wiring.administration(), "shop", account_code="bolt", start=NOON + HOUR, author=AUTHOR)
    worker.take(Topic().append(*events(NOON - TICK, NOON, NOON + HOUR)))
    assert accounts_of(books) == ["acme", "bolt"]
    listed = wiring.alias_reader().aliases(account=None, alias="shop", limit=10)
    assert [(row["account"], row["since"], row["until"]) for row in listed] == [
        ("acme", None, NOON),
        ("bolt", NOON + HOUR, None),
    ]


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda: move("nobody"), NotFound, "account 'nobody' does not exist"),
        (lambda: move("acme"), InvalidInput, "names account acme at .* already"),
        (
            lambda: end_alias(wiring.administration(), "stall", at=NOON, author=AUTHOR),
            NotFound,
            "alias 'stall' names no account",
        ),
        (
            lambda: map_alias(wiring.administration(), "shop", account_code="bolt", start=NOON, author=AUTHOR),
            InvalidInput,
            r"names account acme already \(always\)",
        ),
        (
            lambda: map_alias(wiring.administration(), "stall", account_code="nobody", start=NOON, author=AUTHOR),
            NotFound,
            "account 'nobody' does not exist",
        ),
    ],
    ids=["unknown account", "same account", "unknown alias", "taken", "unknown account for a new alias"],
)
def test_a_change_that_cannot_be_meant_is_refused_and_nothing_is_written(books, change, error, sentence):
    before = books.rows("SELECT version FROM config_version")
    with pytest.raises(error, match=sentence):
        change()
    assert books.rows("SELECT version FROM config_version") == before


def test_a_closed_account_gets_no_alias(books, database):
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE account SET status = 'closed' WHERE code = 'bolt'")
    with pytest.raises(InvalidInput, match="account bolt is closed"):
        move()


def test_a_move_is_audited_with_the_spans_before_and_after(books):
    move()
    ((subject, before, after),) = books.rows("SELECT subject, before, after FROM audit_record WHERE action = 'alias.moved'")
    noon = NOON.isoformat()
    assert (subject, before) == ("shop", {"spans": [{"account": "acme", "from": None, "until": None}]})
    assert after == {
        "spans": [{"account": "acme", "from": None, "until": noon}, {"account": "bolt", "from": noon, "until": None}]
    }
