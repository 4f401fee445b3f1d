"""Config events on the real books: applied in order and once, refused with field errors, answered, never half applied."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from connectors import metering_wiring, wiring
from connectors.settings import settings
from domain.config_changes import ConfigType
from invoicing import apply_config
from invoicing.publish_results import publish_next
from tests.books import MID_OCTOBER, a_plan, an_event, book, open_shop
from tests.builders_config import Configuring, a_change, a_customer_created, an_account_opened
from tests.builders_usage import HAPPENED_AT, an_array
from tests.metering_books import Books, DyingStore, KilledBeforeCommit

pytestmark = pytest.mark.engines

HOUR = timedelta(hours=1)


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


def answers(books):
    """Type, outcome and named fields of every event, in the order they were decided."""
    joined = "config_result r JOIN config_event e USING (event_key)"
    rows = books.rows(f"SELECT e.type, r.outcome, r.errors FROM {joined} ORDER BY config_result_id")
    return [(type_, outcome, [error["field"] for error in errors]) for type_, outcome, errors in rows]


def last_errors(books):
    ((errors,),) = books.rows("SELECT errors FROM config_result ORDER BY config_result_id DESC LIMIT 1")
    return {error["field"]: error["reason"] for error in errors}


def state(books):
    """Everything config events may change but their own records."""
    tables = ("customer", "account", "alias", "subscription", "wallet", "plan", "plan_version", "charge", "audit_record")
    tables += ("account_threshold", "customer_contact", "customer_address", "config_change", "config_version")
    return {table: books.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}


# Every type


def test_a_customer_with_everything_is_configured_by_events_alone_and_used_at_once(books, config, database):
    at = (HAPPENED_AT - HOUR).isoformat()
    config.apply(
        a_customer_created(),
        a_change(ConfigType.CUSTOMER_UPDATED, "acme", {"version": 1, "trade_name": "Acme"}),
        a_change(ConfigType.PLAN_PUBLISHED, "otp-inr-2", {**a_plan(), "code": "otp-inr-2"}),
        an_account_opened(code="group", plan=None, aliases=None),
        an_account_opened(plan="otp-inr-2"),
        a_change(ConfigType.ACCOUNT_CHANGED, "acme-live", {"parent": "group", "pay_from": "group", "name": "Live"}),
        a_change(ConfigType.ALIAS_MAPPED, "shop", {"account": "acme-live", "from": at}),
        a_change(ConfigType.ALIAS_MOVED, "shop", {"to": "group"}),
        a_change(ConfigType.ALIAS_ENDED, "shop", {"at": (HAPPENED_AT + HOUR).isoformat()}),
        a_change(ConfigType.THRESHOLD_SET, "group", {"thresholds": [{"kind": "absolute", "amount": "500.00"}]}),
    )
    assert [(outcome, fields) for _, outcome, fields in answers(books)] == [("applied", [])] * 10
    book(database, [an_event("acme-web"), an_event("shop", at=HAPPENED_AT - HOUR / 2)], warehouse=False)
    assert books.outcomes() == {"rated": 2, "accepted": 10}
    assert books.balance("group") < 0 == books.balance("acme-live")
    assert books.rows("SELECT kind, value FROM account_threshold") == [("absolute", 500_000_000)]

    config.apply(
        a_change(ConfigType.ACCOUNT_CHANGED, "acme-live", {"pay_from": None, "parent": None}),
        a_change(ConfigType.ACCOUNT_CLOSED, "acme-live", {"at": (MID_OCTOBER + HOUR).isoformat()}),
        a_change(ConfigType.CUSTOMER_ARCHIVED, "acme"),
    )
    assert [outcome for _, outcome, _ in answers(books)[10:]] == ["applied", "applied", "refused"]
    assert set(last_errors(books)) == {"data.accounts.acme-live", "data.accounts.group"}


def test_the_table_has_a_use_case_for_every_type_and_each_was_tried():
    assert set(apply_config.APPLICATIONS) == set(ConfigType)


def test_what_is_so_already_is_unchanged(books, config):
    config.apply(a_customer_created(), an_account_opened(), a_change(ConfigType.PLAN_PUBLISHED, "otp-inr", a_plan()))
    before = state(books)
    config.apply(
        a_customer_created(),
        a_change(ConfigType.CUSTOMER_UPDATED, "acme", {"legal_name": "Acme Private Limited"}),
        an_account_opened(),
        a_change(ConfigType.ACCOUNT_CHANGED, "acme-live", {}),
        a_change(ConfigType.ALIAS_MAPPED, "acme-web", {"account": "acme-live"}),
        a_change(ConfigType.THRESHOLD_SET, "acme-live", {"thresholds": []}),
        a_change(ConfigType.PLAN_PUBLISHED, "otp-inr", a_plan()),
    )
    assert [outcome for _, outcome, _ in answers(books)[3:]] == ["unchanged"] * 7
    assert state(books) == before


# Refused


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (a_customer_created(email="x", tax={"gstin": "27AAPFU0939F1ZW"}), ["data.email", "data.tax.gstin"]),
        (a_change("customer.created", "bolt", {"code": "other"}), ["data.code"]),
        (a_change("customer.updated", "nobody", {"email": "a@b.example"}), ["data"]),
        (a_change("customer.updated", "acme", {"version": 7, "emial": "a@b.example"}), ["data.version", "data.emial"]),
        (a_change("customer.updated", "\u202eacme", {}), ["data"]),
        (a_change("customer.archived", "acme", {"reason": "x"}), ["data.reason"]),
        (a_change("account.opened", "x", {}), ["data.customer", "data.mode"]),
        (a_change("account.opened", "x", {"customer": "nobody", "mode": "prepaid"}), ["data.customer"]),
        (an_account_opened(code="second"), ["data.aliases[0]"]),
        (a_change("account.changed", "acme-live", {"parent": "acme-live", "mode": "x"}), ["data.mode", "data.parent"]),
        (a_change("account.closed", "acme-live", {"at": "tomorrow"}), ["data.at"]),
        (a_change("account.closed", "acme-live", {"at": "2026-12-01T00:00:00"}), ["data.at"]),
        (a_change("alias.mapped", "shop", {"acount": "acme-live"}), ["data.account", "data.acount"]),
        (a_change("alias.mapped", "shop", {"account": "nobody"}), ["data"]),
        (a_change("alias.mapped", "acme-web", {"account": "acme-live", "from": "x"}), ["data.from"]),
        (a_change("alias.moved", "acme-web", {"to": "acme-live"}), ["data.to"]),
        (a_change("alias.moved", "nobody", {"to": "acme-live"}), ["data"]),
        (a_change("alias.ended", "acme-web", {"at": 5}), ["data.at"]),
        (a_change("plan.published", "broken", {"name": "Broken", "currency": "EUR"}), ["data.plan.currency"]),
        (a_change("threshold.set", "acme-live", {"thresholds": [{"kind": "absolute", "amount": 5}]}),
         ["data.thresholds[0].amount"]),
        (a_change("threshold.set", "nobody", {"thresholds": []}), ["data"]),
    ],
)  # fmt: skip
def test_a_refused_event_changes_nothing_names_its_fields_and_holds_up_nobody(books, config, change, fields):
    config.apply(a_customer_created(), an_account_opened())
    before = state(books)
    config.apply(change)
    assert state(books) == before
    assert sorted(last_errors(books)) == sorted(fields)
    config.apply(a_change(ConfigType.ALIAS_MAPPED, "after", {"account": "acme-live"}))
    assert answers(books)[-1][1] == "applied"


def test_between_two_that_are_applied_a_refused_one_leaves_no_trace(books, config):
    taken = an_account_opened(code="second", parent="acme-live", pay_from="acme-live", aliases=["fine", "acme-web"])
    config.apply(
        a_customer_created(), an_account_opened(), taken, a_change("alias.mapped", "after", {"account": "acme-live"})
    )
    assert [outcome for _, outcome, _ in answers(books)] == ["applied", "applied", "refused", "applied"]
    assert books.rows("SELECT code FROM account") == [("acme-live",)]
    assert books.rows("SELECT alias FROM alias ORDER BY alias") == [("acme-web",), ("after",)]
    assert books.rows("SELECT subject FROM audit_record WHERE actor = '/otpless/admin' ORDER BY audit_id") == [
        ("acme",),
        ("acme-live",),
        ("after",),
    ]


def test_the_source_of_an_event_is_the_actor_of_its_audit_record(books, config):
    config.apply(a_customer_created())
    config.apply(a_change("customer.updated", "acme", {"phone": "+91 80 4567 8900"}, source="/otpless/crm"))
    rows = books.rows("SELECT action, actor FROM audit_record WHERE subject = 'acme' ORDER BY audit_id")
    assert rows == [("customer.created", "/otpless/admin"), ("customer.updated", "/otpless/crm")]


def test_what_the_database_refuses_is_an_answer_too(books, config, monkeypatch):
    def breaks_a_constraint(store, change, author):
        with store.begin() as transaction:
            transaction._connection.exec_driver_sql("UPDATE account SET payment_term_days = -1")
        return apply_config.Applied(changed=True)

    config.apply(a_customer_created(), an_account_opened())
    with monkeypatch.context() as patched:
        patched.setitem(apply_config.APPLICATIONS, ConfigType.ACCOUNT_CHANGED, breaks_a_constraint)
        config.apply(a_change("account.changed", "acme-live"), a_change("alias.mapped", "after", {"account": "acme-live"}))
    assert [outcome for _, outcome, _ in answers(books)[2:]] == ["refused", "applied"]


def test_a_fault_nobody_foresaw_is_a_dead_letter_and_the_event_can_be_sent_again(books, config, monkeypatch):
    def fails(store, change, author):
        with store.begin() as transaction:
            transaction.audit(action="x", subject="x", actor="x", after={}, at=author.at)
        raise KeyError("a bug")

    change = a_customer_created()
    with monkeypatch.context() as patched:
        patched.setitem(apply_config.APPLICATIONS, ConfigType.CUSTOMER_CREATED, fails)
        config.apply(change, a_change("plan.published", "otp-inr", a_plan()))
    ((reason, detail),) = books.rows("SELECT reason, detail FROM dead_letter")
    assert reason == "unbookable"
    assert "KeyError: 'a bug'" in detail
    assert books.rows("SELECT count(*) FROM audit_record WHERE action = 'x'") == [(0,)]
    config.apply(change)
    assert [outcome for _, outcome, _ in answers(books)] == ["unchanged", "applied"]


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
    from decimal import Decimal

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
