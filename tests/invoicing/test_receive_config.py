"""Config events on the real books: applied in order and once, refused with field errors, answered, never half applied."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.config_changes import ConfigType
from invoicing import apply_config
from tests.books import MID_OCTOBER, a_plan, an_event, book, open_shop
from tests.builders_config import Configuring, a_change, a_customer_created, an_account_opened
from tests.builders_usage import HAPPENED_AT
from tests.config_books import answers, last_errors, state
from tests.metering_books import Books

pytestmark = pytest.mark.engines

HOUR = timedelta(hours=1)
FIRST_OF_NOVEMBER = "2026-11-01T00:00:00+05:30"
CONTRACT = {
    "account": "acme-live",
    "currency": "INR",
    "from": (HAPPENED_AT - 2 * HOUR).isoformat(),
    "charges": [
        {"code": "otp.delivered", "meter": "otp.delivered", "description": "OTP", "sac": "998319", "unit": "message"}
    ],
}
CONTRACT["charges"][0]["price"] = {"model": "per_unit", "unit_price": "0.10"}
TOP_UP_RULE = {"threshold": "500.00", "amount": "2000", "monthly_limit": "9000.00", "methods": ["payment_link"]}


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
    assert books.outcomes() == {"rated": 1, "quarantined": 1, "accepted": 10}  # the plan begins with the account
    assert books.balance("group") < 0 == books.balance("acme-live")
    assert books.rows("SELECT kind, value FROM account_threshold") == [("absolute", 500_000_000)]

    config.apply(
        a_change(ConfigType.ACCOUNT_CHANGED, "acme-live", {"pay_from": None, "parent": None}),
        a_change(ConfigType.ACCOUNT_CLOSED, "acme-live", {"at": (MID_OCTOBER + HOUR).isoformat()}),
        a_change(ConfigType.CUSTOMER_ARCHIVED, "acme"),
    )
    assert [outcome for _, outcome, _ in answers(books)[10:]] == ["applied", "applied", "refused"]
    assert set(last_errors(books)) == {"data.accounts.acme-live", "data.accounts.group"}


def test_subscriptions_and_contracts_are_configured_by_events_and_rated_with(books, config, database):
    config.apply(
        a_customer_created(),
        an_account_opened(plan=None),
        a_change(ConfigType.SUBSCRIPTION_STARTED, "acme-live", {"plan": "otp-inr", "at": (MID_OCTOBER - HOUR).isoformat()}),
        a_change(ConfigType.CONTRACT_WRITTEN, "acme-2026", CONTRACT),
    )
    book(database, [an_event("acme-web")], warehouse=False)
    assert [outcome for _, outcome, _ in answers(books)] == ["applied"] * 4
    assert books.balance("acme-live") == Decimal("-0.10")  # the contract's price, where the plan says 0.20

    later = (MID_OCTOBER + HOUR).isoformat()
    config.apply(
        a_change(ConfigType.CONTRACT_WRITTEN, "acme-2026", CONTRACT),
        a_change(ConfigType.CONTRACT_ENDED, "acme-2026", {"at": later}),
        a_change(ConfigType.SUBSCRIPTION_PAUSED, "acme-live", {"at": later, "why": "shop closed"}),
        a_change(ConfigType.SUBSCRIPTION_RESUMED, "acme-live", {"at": (MID_OCTOBER + 2 * HOUR).isoformat()}),
        a_change(ConfigType.PLAN_PUBLISHED, "otp-inr", {**a_plan(), "trial_days": 3, "from": FIRST_OF_NOVEMBER}),
        a_change(ConfigType.SUBSCRIPTION_CHANGED, "acme-live", {"plan": "otp-inr", "plan_version": 2, "at": later}),
        a_change(
            ConfigType.SUBSCRIPTION_CHANGED, "acme-live", {"plan": "otp-inr", "plan_version": 2, "at_period_end": True}
        ),
        a_change(ConfigType.SUBSCRIPTION_CANCELLED, "acme-live", {"at": "2027-03-01T00:00:00+05:30"}),
    )
    outcomes = [outcome for _, outcome, _ in answers(books)[4:]]
    assert outcomes == ["unchanged", *["applied"] * 4, "refused", "applied", "applied"]
    starts = books.rows("SELECT starts_at FROM plan_version ORDER BY version DESC LIMIT 1")
    assert starts == [(datetime(2026, 10, 31, 18, 30, tzinfo=UTC),)]
    book(database, [an_event("acme-web", at=MID_OCTOBER + 2 * HOUR)], warehouse=False)
    assert books.balance("acme-live") == Decimal("-0.30")
    assert books.rows("SELECT count(*), count(DISTINCT plan_version_id) FROM subscription") == [(4, 2)]


def test_a_rule_of_top_ups_is_set_and_stopped_by_events(books, config):
    config.apply(
        a_customer_created(),
        an_account_opened(),
        a_change(ConfigType.TOP_UP_RULE_SET, "acme-live", TOP_UP_RULE),
        a_change(ConfigType.TOP_UP_RULE_SET, "acme-live", TOP_UP_RULE),
        a_change(ConfigType.TOP_UP_RULE_STOPPED, "acme-live"),
    )
    assert [outcome for _, outcome, _ in answers(books)[2:]] == ["applied", "unchanged", "applied"]
    assert books.rows("SELECT threshold_micros, methods, stopped_at IS NULL FROM top_up_rule") == [
        (500_000_000, ["payment_link"], False)
    ]


def test_further_wallets_are_kept_by_events_and_events_are_debited_from_them_at_once(books, config, database):
    config.apply(
        a_customer_created(),
        an_account_opened(),
        a_change(ConfigType.WALLET_OPENED, "acme-live/calls", {"pays_for": ["voice.minutes"]}),
        a_change(ConfigType.WALLET_CHANGED, "acme-live/calls", {"pays_for": ["voice.minutes", "otp.delivered"]}),
    )
    book(database, [an_event("acme-web")], warehouse=False)
    assert (books.balance("acme-live"), books.balance("acme-live/calls")) == (0, Decimal("-0.20"))
    config.apply(
        a_change(ConfigType.WALLET_CLOSED, "acme-live/calls"),
        a_change(ConfigType.WALLET_CHANGED, "acme-live/calls", {"pays_for": []}),
        a_change(ConfigType.WALLET_OPENED, "acme-live/sms", {"pays_for": ["otp.delivered"], "currency": "INR"}),
        a_change(ConfigType.WALLET_CLOSED, "acme-live/sms"),
    )
    book(database, [an_event("acme-web")], warehouse=False)
    assert (books.balance("acme-live"), books.balance("acme-live/calls")) == (Decimal("-0.20"), Decimal("-0.20"))
    assert [outcome for _, outcome, _ in answers(books)[2:]] == [*["applied"] * 2, "refused", *["applied"] * 3]
    (actions,) = books.rows("SELECT array_agg(action ORDER BY audit_id) FROM audit_record WHERE subject LIKE 'acme-live/%'")
    assert actions[0] == ["wallet.opened", *["wallet.purposes_set"] * 2, "wallet.opened", "wallet.closed"]


def test_the_table_has_a_use_case_for_every_type_and_each_was_tried():
    assert set(apply_config.APPLICATIONS) == set(ConfigType)


def test_what_is_so_already_is_unchanged(books, config):
    config.apply(
        a_customer_created(),
        an_account_opened(),
        a_change(ConfigType.PLAN_PUBLISHED, "otp-inr", a_plan()),
        a_change(ConfigType.WALLET_OPENED, "acme-live/sms", {"pays_for": ["voice.minutes"]}),
        a_change(ConfigType.WALLET_CLOSED, "acme-live/sms"),
        a_change(ConfigType.WALLET_OPENED, "acme-live/calls", {"pays_for": ["voice.minutes"]}),
    )
    before, before_these = state(books), len(answers(books))
    config.apply(
        a_customer_created(),
        a_change(ConfigType.CUSTOMER_UPDATED, "acme", {"legal_name": "Acme Private Limited"}),
        an_account_opened(),
        a_change(ConfigType.ACCOUNT_CHANGED, "acme-live", {}),
        a_change(ConfigType.ALIAS_MAPPED, "acme-web", {"account": "acme-live"}),
        a_change(ConfigType.THRESHOLD_SET, "acme-live", {"thresholds": []}),
        a_change(ConfigType.PLAN_PUBLISHED, "otp-inr", a_plan()),
        a_change(ConfigType.WALLET_OPENED, "acme-live/calls", {"pays_for": ["voice.minutes"]}),
        a_change(ConfigType.WALLET_CHANGED, "acme-live/calls", {"pays_for": ["voice.minutes"]}),
        a_change(ConfigType.WALLET_CLOSED, "acme-live/sms"),
    )
    assert [outcome for _, outcome, _ in answers(books)[before_these:]] == ["unchanged"] * 10
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
        (a_change("plan.published", "broken", {"name": "Broken", "currency": "EUR"}), ["data.charges", "data.currency"]),
        (a_change("plan.published", "otp-inr", {**a_plan(), "code": "otp-usd"}), ["data.code"]),
        (a_change("plan.published", "otp-inr", {**a_plan(), "from": "2027-01-01", "currency": "EUR"}),
         ["data.currency", "data.from"]),
        (a_change("contract.written", "acme-2026", {"account": "nobody", "priority": -1}),
         ["data.account", "data.currency", "data.from", "data.priority"]),
        (a_change("contract.written", "acme-2026", {**CONTRACT, "account": "nobody"}), ["data.account"]),
        (a_change("contract.ended", "nothing"), ["data"]),
        (a_change("subscription.started", "acme-live", {"plan": "otp-inr"}), ["data.at"]),
        (a_change("subscription.started", "nobody", {"plan": "otp-inr"}), ["data"]),
        (a_change("subscription.changed", "acme-live", {"plan": "nothing"}), ["data"]),
        (a_change("subscription.changed", "acme-live", {"plan": "otp-usd"}), ["data.plan"]),
        (a_change("subscription.changed", "acme-live", {"at": "2026-11-01T00:00:00Z", "at_period_end": True, "x": 1}),
         ["data.at", "data.plan", "data.x"]),
        (a_change("subscription.resumed", "acme-live", {}), ["data"]),
        (a_change("subscription.paused", "acme-live", {"plan": "otp-inr"}), ["data.plan"]),
        (a_change("subscription.cancelled", "acme-live", {"at_period_end": 1}), ["data.at_period_end"]),
        (a_change("threshold.set", "acme-live", {"thresholds": [{"kind": "absolute", "amount": 5}]}),
         ["data.thresholds[0].amount"]),
        (a_change("top_up_rule.set", "acme-live", {"threshold": 5, "amount": "0.001", "methods": ["cash"], "x": 1}),
         ["data.amount", "data.methods[0]", "data.monthly_limit", "data.threshold", "data.x"]),
        (a_change("top_up_rule.set", "nobody", TOP_UP_RULE), ["data"]),
        (a_change("top_up_rule.stopped", "acme-live"), ["data"]),
        (a_change("threshold.set", "nobody", {"thresholds": []}), ["data"]),
        (a_change("wallet.opened", "acme-live/sms"), ["data.pays_for"]),
        (a_change("wallet.opened", "acme-live/sms", {"pays_for": [5, "x", "x", ""], "currency": "EUR", "name": "sms"}),
         ["data.currency", "data.name", "data.pays_for[0]", "data.pays_for[2]", "data.pays_for[3]"]),
        (a_change("wallet.opened", "acme-live/UP", {"pays_for": ["telegrams"], "currency": "USD"}),
         ["data.currency", "data.name", "data.pays_for"]),
        (a_change("wallet.opened", "acme-live", {"pays_for": ["voice.minutes"]}), ["data.name"]),
        (a_change("wallet.opened", "nobody/sms", {"pays_for": ["voice.minutes"]}), ["data"]),
        (a_change("wallet.changed", "acme-live/sms", {"pays_for": ["voice.minutes"]}), ["data"]),
        (a_change("wallet.changed", "acme-live/sms", {"pays_for": "voice.minutes", "currency": "INR"}),
         ["data.currency", "data.pays_for"]),
        (a_change("wallet.closed", "acme-live/sms", {"at": "now"}), ["data.at"]),
        (a_change("wallet.closed", "acme-live/sms"), ["data"]),
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
