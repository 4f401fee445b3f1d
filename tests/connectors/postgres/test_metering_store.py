"""The metering store: one moment of the configuration, locks that are waited for, and a connection that is opened again."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connectors import clock, wiring
from connectors.postgres.metering import PostgresMeteringStore
from domain.errors import EngineUnavailable
from domain.metering import Settled, Total, TotalKey, prepare, settle
from invoicing.administer import map_aliases
from invoicing.metering_ports import AlreadyCounted, OffsetRange, Outdated
from tests.books import AUTHOR, open_account, open_shop
from tests.builders_usage import TOPIC, WINDOW, a_received_event, an_event, an_origin, micros_of
from tests.metering_books import Books, Worker

pytestmark = pytest.mark.engines

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
ONE_RECORD = {(TOPIC, 0): OffsetRange(0, 1, 1)}


@pytest.fixture
def books(database):
    open_shop()
    open_account("acme")
    open_account("bolt", time_zone="Asia/Jakarta")
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


@pytest.fixture
def store(books):
    worker = Worker()
    yield worker.store
    worker.store.close()


@pytest.fixture
def beside():
    """A thread beside the test's own."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


@pytest.fixture
def other_store(books):
    worker = Worker("other")
    yield worker.store
    worker.store.close()


def batch(config, *events, partition=0):
    items = [a_received_event(event, origin=an_origin(place, partition=partition)) for place, event in enumerate(events)]
    return prepare(items, config, WINDOW)


def book(store, prepared, *, partition=0, records=1):
    """A whole transaction."""
    with store.begin() as transaction:
        position = transaction.open(prepared, [(TOPIC, partition)], counted=())
        settled = settle(prepared, position.known, position.totals)
        return position, transaction.save(settled, {(TOPIC, partition): OffsetRange(0, records, records)})


def until_somebody_waits(books):
    """Wait until a statement in the test database waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(2_000):
        if books.rows(waiting) == [(1,)]:
            return
        time.sleep(0.005)
    raise AssertionError("nobody waits for a lock")


# Configuration


def test_the_configuration_is_read_with_its_accounts_plans_aliases_and_version(store, books):
    config = store.config()
    acme = config.account_at("acme", micros_of(NOON))
    assert (acme.code, acme.customer_code, acme.currency, str(acme.time_zone)) == (
        "acme",
        "customer-acme",
        "INR",
        "Asia/Kolkata",
    )
    assert acme.plan_at(micros_of(NOON)).label == "otp-inr v1"
    assert config.meters == {"otp.delivered", "voice.minutes"}
    assert [config.version] == [version for (version,) in books.rows("SELECT version FROM config_version")]


def test_spans_of_aliases_and_subscriptions_are_read_to_the_microsecond(store, books, database):
    with database.begin() as connection:
        span = "tstzrange('2026-10-01T00:00:00.000001Z', '2026-10-15T12:00:00Z')"
        connection.exec_driver_sql(f"INSERT INTO alias SELECT 'shop', account_id, {span} FROM account WHERE code = 'acme'")
    config = store.config()
    start = micros_of(datetime(2026, 10, 1, 0, 0, 0, 1, tzinfo=UTC))
    named = [config.account_at("shop", moment) for moment in (start - 1, start, micros_of(NOON) - 1, micros_of(NOON))]
    assert [account and account.code for account in named] == [None, "acme", "acme", None]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE account SET time_zone = 'UTC'",
        "DELETE FROM alias",
        "UPDATE subscription SET validity = tstzrange(NULL, now())",
        "INSERT INTO charge (plan_version_id, meter, description, sac, unit, price)"
        " SELECT plan_version_id, 'email.sent', description, sac, unit, price FROM charge WHERE meter = 'voice.minutes'",
    ],
    ids=["account", "alias", "subscription", "charge"],
)
def test_every_change_of_what_is_rated_with_makes_a_new_version(store, database, change):
    before = store.config().version
    with database.begin() as connection:
        connection.execute(text(change))
    assert store.config().version > before


def test_a_change_of_configuration_waits_for_the_batch_that_is_rated_with_the_old(beside, store, books):
    config = store.config()
    prepared = batch(config, an_event())
    with store.begin() as transaction:
        position = transaction.open(prepared, [(TOPIC, 0)], counted=())
        mapping = beside.submit(map_aliases, wiring.administration(), {"shop": "acme"}, author=AUTHOR)
        until_somebody_waits(books)
        transaction.save(settle(prepared, position.known, position.totals), ONE_RECORD)
    assert mapping.result() == 1
    assert books.rows("SELECT config_version FROM batch") == [(config.version,)]
    assert store.config().version == config.version + 1


# Positions


def test_a_fresh_partition_and_a_new_identity_are_known_to_nobody(store):
    config = store.config()
    with store.begin() as transaction:
        position = transaction.open(batch(config, an_event()), [(TOPIC, 0)], counted=())
    assert (position.config_version, dict(position.known), dict(position.totals)) == (config.version, {}, {})
    assert not any(position.next_offsets.values())


def test_the_position_tells_offsets_identities_and_totals_of_what_was_booked(store):
    config = store.config()
    prepared = batch(config, an_event("a", quantity=2))
    _, (balance,) = book(store, prepared)
    assert (balance.balance_micros, balance.version) == (-400_000, 1)

    again = batch(config, an_event("a", quantity=2), an_event("b"), partition=1)
    position, balances = book(store, again, partition=1, records=2)
    assert dict(position.known) == {an_event("a").key: an_event("a", quantity=2).body_digest}
    acme = config.account_at("acme", micros_of(NOON))
    charge = acme.plan_at(micros_of(NOON)).charges["otp.delivered"]
    key = TotalKey(acme.account_id, acme.service_month(micros_of(NOON)), charge.charge_id, "sms")
    assert position.totals == {key: Total(2_000_000, 400_000, 1)}
    assert [(balance.balance_micros, balance.version) for balance in balances] == [(-600_000, 2)]


def test_an_identity_claimed_by_a_transaction_that_was_waited_for_is_known_with_its_digest(
    beside, store, other_store, books
):
    config = store.config()
    mine, theirs = batch(config, an_event(quantity=1)), batch(config, an_event(quantity=2), partition=1)
    with store.begin() as transaction:
        position = transaction.open(mine, [(TOPIC, 0)], counted=())
        waiting = beside.submit(book, other_store, theirs, partition=1)
        until_somebody_waits(books)
        transaction.save(settle(mine, position.known, position.totals), ONE_RECORD)
    position, _ = waiting.result()
    assert dict(position.known) == {an_event().key: an_event(quantity=1).body_digest}
    assert books.outcomes() == {"rated": 1, "conflict": 1}


def test_an_identity_claimed_by_a_transaction_that_was_rolled_back_is_free(beside, store, other_store, books):
    config = store.config()
    mine, theirs = batch(config, an_event()), batch(config, an_event(), partition=1)

    def claim_and_fail():
        with store.begin() as transaction:
            transaction.open(mine, [(TOPIC, 0)], counted=())
            waiting.append(beside.submit(book, other_store, theirs, partition=1))
            until_somebody_waits(books)
            raise KeyError("anything")

    waiting = []
    with pytest.raises(KeyError):
        claim_and_fail()
    position, _ = waiting[0].result()
    assert dict(position.known) == {}
    assert books.outcomes() == {"rated": 1}


def test_the_permanent_key_answers_with_what_was_counted_and_nothing_is_written(store, books, database):
    config = store.config()
    book(store, batch(config, an_event("a"), an_event("b")), records=2)
    with database.begin() as connection:
        connection.execute(text("TRUNCATE event_key"))
    prepared = batch(config, an_event("a"), an_event("b", quantity=9), an_event("c"), partition=1)
    with pytest.raises(AlreadyCounted) as answer:
        book(store, prepared, partition=1, records=3)
    assert answer.value.known == {an_event("a").key: an_event("a").body_digest, an_event("b").key: bytes(16)}
    assert (books.outcomes(), books.count("event_key")) == ({"rated": 2}, 0)


def test_balances_are_those_that_are_committed(store):
    config = store.config()
    book(store, batch(config, an_event("a"), an_event("b", subject="bolt")), records=2)
    acme, bolt = (config.account_at(alias, micros_of(NOON)).account_id for alias in ("acme", "bolt"))
    (balance,) = store.balances([bolt])
    assert (balance.account_id, balance.balance_micros, balance.version) == (bolt, -200_000, 1)
    assert {balance.account_id for balance in store.all_balances()} == {acme, bolt}
    assert store.balances([]) == []


# What is remembered from one batch to the next is never trusted


def test_a_total_that_another_worker_changed_is_found_out_and_read_anew(store, other_store, books):
    config = store.config()
    book(store, batch(config, an_event("a")))
    book(other_store, batch(config, an_event("b"), partition=1), partition=1)
    third = batch(config, an_event("c"), partition=2)
    with pytest.raises(Outdated):
        book(store, third, partition=2)
    assert books.outcomes() == {"rated": 2}
    position, _ = book(store, third, partition=2)
    assert [total.event_count for total in position.totals.values()] == [2]
    assert books.rows("SELECT event_count, amount_micros FROM usage_total") == [(3, 600_000)]


def test_a_total_that_is_there_although_it_was_not_read_is_found_out(store, books):
    config = store.config()
    book(store, batch(config, an_event("a")))
    mine = batch(config, an_event("b"), partition=1)

    def book_without_having_read():
        with store.begin() as transaction:
            position = transaction.open(mine, [(TOPIC, 1)], counted=())
            position.totals.clear()
            transaction.save(settle(mine, position.known, position.totals), {(TOPIC, 1): OffsetRange(0, 1, 1)})

    with pytest.raises(Outdated):
        book_without_having_read()
    book(store, mine, partition=1)
    assert books.outcomes() == {"rated": 2}


def test_a_batch_that_was_rolled_back_leaves_nothing_remembered(store, books, database):
    config = store.config()
    prepared = batch(config, an_event("a"))

    def save_and_fail():
        with store.begin() as transaction:
            position = transaction.open(prepared, [(TOPIC, 0)], counted=())
            transaction.save(settle(prepared, position.known, position.totals), ONE_RECORD)
            raise KeyError("anything")

    with pytest.raises(KeyError):
        save_and_fail()
    position, _ = book(store, prepared)
    assert dict(position.totals) == {}


def test_known_identities_are_told_from_new_ones_in_every_batch_of_a_stream_that_repeats_itself(store, books):
    config = store.config()
    for place in range(20):
        prepared = batch(config, an_event(f"{max(place - 1, 0)}"), an_event(f"{place}"), partition=place)
        position, _ = book(store, prepared, partition=place, records=2)
        assert set(position.known) == ({an_event(f"{place - 1}").key} if place else set())
    assert books.count("event_key") == 20


# Engines


def test_a_lost_connection_is_one_sentence_nothing_is_booked_and_the_next_call_has_another(store, books, database):
    prepared = batch(store.config(), an_event())

    def book_and_lose_the_connection():
        with store.begin() as transaction:
            position = transaction.open(prepared, [(TOPIC, 0)], counted=())
            with database.begin() as connection:
                others = "pid <> pg_backend_pid() AND datname = current_database() AND state = 'idle in transaction'"
                connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
            transaction.save(settle(prepared, position.known, position.totals), ONE_RECORD)

    with pytest.raises(EngineUnavailable, match=r"PostgreSQL does not answer \(.*\): see `make status`"):
        book_and_lose_the_connection()
    assert books.count("event_key") == 0
    book(store, prepared)
    assert books.outcomes() == {"rated": 1}


def test_a_server_that_does_not_answer_is_one_sentence():
    nobody = PostgresMeteringStore("postgresql://billing@127.0.0.1:1/billing", worker="w", clock=clock.now)
    with pytest.raises(EngineUnavailable, match=r"PostgreSQL does not answer \(.*\): see `make status`"):
        nobody.config()


def test_a_batch_that_would_write_nothing_is_still_a_range(store, books):
    nothing = batch(store.config())
    with store.begin() as transaction:
        transaction.open(nothing, [(TOPIC, 0)], counted=())
        assert transaction.save(Settled(), ONE_RECORD) == []
    assert books.rows("SELECT records, received FROM batch_range") == [(1, 0)]


# Locks are taken in one order, so that workers never wait in a circle


WALLET = "SELECT 1 FROM wallet JOIN account USING (account_id) WHERE code = :code FOR NO KEY UPDATE OF wallet NOWAIT"


def test_wallets_are_locked_by_id_whatever_the_order_of_events_and_rows(beside, store, books, database):
    config = store.config()
    book(store, batch(config, an_event("first")))  # moves the row of acme behind that of bolt
    both = batch(config, an_event("a", subject="bolt"), an_event("b", subject="acme"), partition=1)
    with database.begin() as connection:
        connection.execute(text(WALLET), {"code": "acme"})
        waiting = beside.submit(book, store, both, partition=1, records=2)
        until_somebody_waits(books)
        connection.execute(text(WALLET), {"code": "bolt"})
    waiting.result()
    assert books.outcomes() == {"rated": 3}


def test_identities_are_claimed_by_key_whatever_the_order_of_events(beside, store, books, database):
    low, high = sorted((an_event("a"), an_event("b")), key=lambda event: event.key)
    both = batch(store.config(), high, low)
    claim = text("INSERT INTO event_key VALUES (:key, :key, now())")
    with database.connect() as connection:
        connection.execute(claim, {"key": low.key.hex()})
        waiting = beside.submit(book, store, both, records=2)
        until_somebody_waits(books)
        connection.execute(claim, {"key": high.key.hex()})
        connection.rollback()
    waiting.result()
    assert books.outcomes() == {"rated": 2}


# What the database refuses


@pytest.mark.parametrize(
    "change", ["UPDATE wallet_entry SET amount_micros = 0", "DELETE FROM wallet_entry", "TRUNCATE wallet_entry"]
)
def test_the_ledger_is_append_only(store, books, database, change):
    book(store, batch(store.config(), an_event()))
    with pytest.raises(IntegrityError, match="wallet_entry is append-only"), database.begin() as connection:
        connection.execute(text(change))


@pytest.mark.parametrize(
    "change", ["DELETE FROM wallet", "UPDATE wallet SET wallet_id = DEFAULT", "TRUNCATE wallet CASCADE"]
)
def test_a_wallet_stays_for_as_long_as_its_entries(store, books, database, change):
    book(store, batch(store.config(), an_event()))
    with pytest.raises(IntegrityError, match="a wallet is kept for as long as its entries"), database.begin() as connection:
        connection.execute(text(change))


def test_an_entry_without_its_wallet_is_found_by_the_checks(books, database):
    entry = "INSERT INTO wallet_entry VALUES (4711, 1, 5, 5, 'adjustment', 'x', now())"
    with database.begin() as connection:
        connection.execute(text(entry))
    assert set(books.failing_checks()) == {"wallets_match_ledger"}
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE wallet_entry DISABLE TRIGGER ALL"))
        connection.execute(text("DELETE FROM wallet_entry"))
        connection.execute(text("ALTER TABLE wallet_entry ENABLE TRIGGER ALL"))


def test_a_range_that_does_not_add_up_is_refused(store, books, database):
    book(store, batch(store.config(), an_event()))
    with pytest.raises(IntegrityError, match="batch_range_conserves"), database.begin() as connection:
        connection.execute(text("UPDATE batch_range SET received = received + 1"))


def test_an_event_counted_once_cannot_be_stored_again(store, books, database):
    book(store, batch(store.config(), an_event()))
    with pytest.raises(IntegrityError, match="usage_event_counted_once"), database.begin() as connection:
        connection.execute(text("INSERT INTO usage_event SELECT * FROM usage_event"))
