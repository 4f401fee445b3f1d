"""Config events on the real books, applied once and in order: redeliveries, two workers, crashes, answers sent on."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
import pytest

from connectors import metering_wiring, wiring
from connectors.settings import settings
from domain.config_changes import ConfigType
from invoicing import apply_config
from invoicing.publish_results import publish_next
from tests.books import an_event, book, open_shop
from tests.builders_config import Configuring, a_change, a_customer_created, an_account_opened
from tests.builders_usage import an_array
from tests.config_books import answers, state
from tests.metering_books import Books, DyingStore, KilledBeforeCommit

pytestmark = pytest.mark.engines


@pytest.fixture(name="books")
def _books(database):
    open_shop()
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


@pytest.fixture(name="config")
def _config(books):
    config = Configuring()
    yield config
    config.store.close()


# Once, in order


def test_a_redelivery_and_a_duplicate_are_applied_once(books, config):
    records = config.append(a_customer_created(), an_account_opened())
    config.take(records)
    before = state(books)
    assert config.take(records).redelivered_records == 2
    change = a_change("alias.mapped", "shop", {"account": "acme-live"}, event_id="same")
    config.apply(change, change)
    config.apply(change)
    assert books.outcomes() == {"accepted": 3, "duplicate": 2}
    assert len(answers(books)) == 3
    assert len(state(books)["audit_record"]) == len(before["audit_record"]) + 1


def test_events_are_applied_in_the_order_of_their_partition_also_within_one_record(books, config):
    names = [f"Name {number}" for number in range(30)]
    config.apply(a_customer_created())
    changes = [a_change("customer.updated", "acme", {"version": n + 1, "legal_name": name}) for n, name in enumerate(names)]
    config.apply(an_array(*changes[:10]), *changes[10:])
    assert {outcome for _, outcome, _ in answers(books)} == {"applied"}
    assert books.rows("SELECT legal_name, revision FROM customer") == [(names[-1], 31)]


def test_two_workers_at_once_apply_each_change_once(books, config):
    other = Configuring(config.topic)
    config.apply(a_customer_created())
    records = config.append(*(an_account_opened(code=f"a{n}", aliases=[f"alias-{n}"]) for n in range(40)))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda worker: worker.take(records), (config, other)))
    other.store.close()
    assert books.rows("SELECT count(*), count(DISTINCT code) FROM account") == [(40, 40)]
    assert len(answers(books)) == 41


def test_commands_and_events_at_once_do_not_wait_in_a_circle(books, config):
    """Wallets and the audit trail are locked in one order by both: here, moves of what is due against top-ups."""
    from invoicing.administer import top_up
    from tests.books import AUTHOR

    config.apply(a_customer_created(), *(an_account_opened(code=c, aliases=[c]) for c in ("top", "below")))
    config.apply(a_change("account.changed", "below", {"parent": "top"}))
    flips = [a_change("account.changed", "below", {"pay_from": "top" if n % 2 == 0 else None}) for n in range(30)]

    def credit(number):
        return top_up(wiring.administration(), account_code="top", amount=Decimal(1), reference=f"r{number}", author=AUTHOR)

    with ThreadPoolExecutor(2) as threads:
        applied = threads.submit(config.apply, an_array(*flips[:15]), *flips[15:])
        credited = list(threads.map(credit, range(30)))
        applied.result()
    assert all(credited)
    assert {outcome for _, outcome, _ in answers(books)} == {"applied"}
    assert books.balance("top") == 30


# Crashes


def test_a_worker_killed_before_its_commit_leaves_nothing_and_the_next_applies_everything(books, config):
    from dataclasses import replace

    records = config.append(a_customer_created(), an_account_opened())
    before = state(books)

    class ConfigDyingStore(DyingStore):
        def __init__(self, store):
            self._store = store

    with pytest.raises(KilledBeforeCommit):
        replace(config.receiving, store=ConfigDyingStore(config.store)).receive(records)
    assert state(books) == before
    assert (books.count("config_event"), books.count("config_result"), books.count("config_result_to_send")) == (0, 0, 0)
    config.take(records)
    assert [outcome for _, outcome, _ in answers(books)] == ["applied", "applied"]


def test_a_lost_connection_in_the_middle_is_a_pause_and_nothing_is_half_applied(books, config, monkeypatch):
    from domain.errors import EngineUnavailable

    def loses_the_connection(store, change, author):
        with psycopg.connect(settings().postgres_dsn, autocommit=True) as other:
            others = "pid <> pg_backend_pid() AND datname = current_database() AND state = 'idle in transaction'"
            other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        return apply_config.Applied(changed=True)

    records = config.append(a_customer_created(), an_account_opened())
    with monkeypatch.context() as patched:
        patched.setitem(apply_config.APPLICATIONS, ConfigType.ACCOUNT_OPENED, loses_the_connection)
        with pytest.raises(EngineUnavailable):
            config.take(records)
    assert (books.count("customer"), books.count("config_event")) == (0, 0)
    config.take(records)
    assert [outcome for _, outcome, _ in answers(books)] == ["applied", "applied"]


# Publishing


class TopicThatRemembers:
    """Takes answers, and may die before it says so."""

    def __init__(self, dies=False):
        self.sent = []
        self._dies = dies

    def send(self, results):
        self.sent += results
        if self._dies:
            raise KilledBeforeCommit


def test_answers_are_published_in_their_order_once_and_forgotten(books, config):
    config.apply(a_customer_created(), a_customer_created(email="x"), an_account_opened())
    waiting, topic = metering_wiring.config_results(), TopicThatRemembers()
    assert [publish_next(waiting, topic, results_max=2) for _ in range(3)] == [2, 1, None]
    waiting.close()
    assert [(result.type, result.outcome) for result in topic.sent] == [
        ("customer.created", "applied"),
        ("customer.created", "refused"),
        ("account.opened", "applied"),
    ]
    assert topic.sent[0].facts == {"version": 1}
    assert topic.sent[1].code == "invalid_input"


def test_a_publisher_killed_after_sending_sends_again_under_the_same_identity(books, config):
    config.apply(a_customer_created())
    waiting = metering_wiring.config_results()
    dying, next_one = TopicThatRemembers(dies=True), TopicThatRemembers()
    with pytest.raises(KilledBeforeCommit):
        publish_next(waiting, dying, results_max=10)
    assert publish_next(waiting, next_one, results_max=10) == 1
    waiting.close()
    assert dying.sent == next_one.sent


def test_balances_that_an_event_moves_are_there_to_be_told(books, config, database):
    config.apply(
        a_customer_created(),
        *(an_account_opened(code=code, mode="postpaid", aliases=[code]) for code in ("top", "below")),
        a_change("account.changed", "below", {"parent": "top"}),
    )
    book(database, [an_event("below")], warehouse=False)
    receipt = config.apply(a_change("account.changed", "below", {"pay_from": "top"}))
    assert sorted(balance.balance_micros for balance in receipt.balances) == [-200_000, 0]
