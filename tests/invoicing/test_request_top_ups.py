"""Automatic top-ups on the real books: asked for once, answered once, and by the next method after a decline."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import jsonschema
import pytest
from sqlalchemy import text

from connectors import batch_wiring, metering_wiring, wallet_wiring, wiring
from connectors.postgres.wallet_watch import PostgresWatchTransaction
from connectors.settings import PROJECT_ROOT
from domain.errors import InvalidInput, NotFound
from domain.top_up_rule_document import rule_document
from domain.top_up_rules import ANSWER_WITHIN, NOTICE, Method, TopUpRule
from invoicing.administer import Author, top_up
from invoicing.arrange_accounts import set_parent, set_pay_from
from invoicing.keep_accounts import close_account
from invoicing.watch_wallets import NO_TOP_UPS, watch_wallets
from invoicing.write_top_up_rule import set_top_up_rule, stop_top_up_rule
from tests.books import AUTHOR, an_event, book, open_account
from tests.cli.conftest import billing  # noqa: F401
from tests.invoicing.test_apply_payments import NOW, an_envelope, apply, balance, receive, rows

pytestmark = pytest.mark.engines
RULE = TopUpRule(
    threshold_micros=5_000_000,
    amount_minor=1_000_00,
    monthly_limit_minor=3_000_00,
    methods=(Method.UPI_MANDATE, Method.CARD_MANDATE, Method.PAYMENT_LINK),
)


@pytest.fixture
def acme(shop, cache):
    """A prepaid account with ₹10 and a rule; the books balance when the test is over."""
    open_account("acme", mode="prepaid")
    top_up(wiring.administration(), account_code="acme", amount=Decimal("10.00"), reference="first", author=AUTHOR)
    set_rule()
    yield shop
    assert {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows} == set()


def set_rule(account="acme"):
    set_top_up_rule(wiring.administration(), account, rule_document(RULE), author=Author("asha", NOW))


def stop_rule():
    return [one.request_id for one in stop_top_up_rule(wiring.administration(), "acme", author=Author("asha", NOW))]


def use(shop, messages):
    """So many SMS at 0.20."""
    book(shop, [an_event("acme", quantity=messages)], warehouse=False)


def watch(now=NOW):
    """Look at everything that is to be looked at; how many top-ups were asked for."""
    store, asked = metering_wiring.wallet_watch(), 0
    try:
        while (found := watch_wallets(store, metering_wiring.balance_cache(), now=now)).looks:
            asked += found.top_ups
    finally:
        store.close()
    return asked


def requests(shop):
    return rows(shop, "SELECT method, state FROM top_up_request ORDER BY request_id")


def told(shop, topic):
    statement = f"SELECT type, data FROM outbox_message WHERE topic = '{topic}' ORDER BY message_id"
    return [(type_, data) for type_, data in rows(shop, statement)]


def validate_request(type_, data):
    schema = json.loads((PROJECT_ROOT / "docs/schemas/payment-request.schema.json").read_text())
    event = {"specversion": "1.0", "id": "1", "source": "/otpless/billing", "type": type_, "subject": "acme"}
    jsonschema.validate({**event, "time": NOW.isoformat(), "data": data}, schema)


def rule(shop):
    return wallet_wiring.top_up_rules().rule("acme")


def test_nothing_is_asked_for_above_the_threshold_and_one_top_up_at_it(acme):
    assert watch() == 0
    use(acme, 24)
    assert watch() == 0
    use(acme, 1)
    assert watch() == 1
    use(acme, 1)
    assert watch() == 0
    assert requests(acme) == [("upi_mandate", "in_flight")]


def test_the_request_and_the_notice_of_the_debit_go_out_with_its_row(acme):
    use(acme, 30)
    watch()
    ((type_, asked),) = told(acme, "payment.requests")
    assert type_ == "payment.request"
    validate_request("payment.request", asked)
    debit_at = NOW + NOTICE
    assert asked == {
        "request": 1, "reason": "auto_top_up", "method": "upi_mandate", "amount_minor": 1_000_00, "charge_minor": 1_180_00,
        "currency": "INR", "debit_at": debit_at.isoformat(), "answer_by": (debit_at + ANSWER_WITHIN).isoformat(),
    }  # fmt: skip
    assert [(type_, data) for type_, data in told(acme, "notifications") if "debit" in type_] == [
        ("notification.debit_announced", asked)
    ]


def test_a_captured_payment_closes_the_request_and_lifts_the_balance(acme):
    use(acme, 30)
    watch()
    receive(acme, an_envelope("captured", "pay_1", 1_180_00, request=1))
    apply()
    assert requests(acme) == [("upi_mandate", "captured")]
    assert balance(acme) == 1_004_000_000
    assert watch() == 0


def test_a_doubled_answer_changes_nothing_and_a_late_failure_undoes_no_capture(acme):
    use(acme, 30)
    watch()
    answers = [an_envelope("captured", "pay_1", 1_180_00, request=1), an_envelope("failed", "pay_1", 1_180_00, request=1)]
    receive(acme, answers[0], answers[0], answers[1])
    receive(acme, an_envelope("captured", "pay_1", 1_180_00, request=1))
    apply()
    assert requests(acme) == [("upi_mandate", "captured")]
    assert balance(acme) == 1_004_000_000
    assert [type_ for type_, _ in told(acme, "notifications") if "failed" in type_] == []


def test_after_a_decline_the_next_method_is_asked_once_the_pause_is_over(acme):
    use(acme, 30)
    watch()
    receive(acme, an_envelope("failed", "pay_1", 1_180_00, request=1, reason="insufficient funds"))
    apply()
    assert [watch(), watch(NOW + timedelta(minutes=59))] == [0, 0]
    assert rule(acme)["answer"] == "the last attempt is too recent"
    assert watch(NOW + timedelta(hours=1)) == 1
    assert requests(acme) == [("upi_mandate", "failed"), ("card_mandate", "in_flight")]
    failed = [data for type_, data in told(acme, "notifications") if type_ == "notification.payment_failed"]
    assert [(data["request"], data["reason"], data["method"]) for data in failed] == [
        (1, "insufficient funds", "upi_mandate")
    ]


def test_money_that_arrives_after_all_counts_for_its_request(acme):
    use(acme, 30)
    watch()
    receive(acme, an_envelope("failed", "pay_1", 1_180_00, request=1))
    receive(acme, an_envelope("captured", "pay_1", 1_180_00, request=1))
    apply()
    assert requests(acme) == [("upi_mandate", "captured")]


def test_a_request_nobody_answers_counts_as_declined_after_three_days(acme):
    use(acme, 30)
    watch()
    deadline = NOW + NOTICE + ANSWER_WITHIN
    assert watch(deadline - timedelta(seconds=1)) == 0
    assert watch(deadline) == 1
    assert rows(acme, "SELECT state, reason FROM top_up_request ORDER BY request_id") == [
        ("failed", "no answer came in time"), ("in_flight", None),
    ]  # fmt: skip


def test_an_answer_for_another_account_or_for_nothing_known_closes_nothing(acme):
    open_account("other", mode="prepaid")
    use(acme, 30)
    watch()
    receive(acme, an_envelope("failed", "pay_1", 1_180_00, account="other", request=1))
    for odd in (99, "", "one", "1; DROP TABLE wallet", -1, "9" * 30, True):
        receive(acme, an_envelope("failed", "pay_2", 1_180_00, request=odd))
    apply()
    assert requests(acme) == [("upi_mandate", "in_flight")]


def test_a_payment_that_waits_keeps_its_request_in_flight_so_that_nothing_is_charged_twice(acme):
    use(acme, 30)
    watch()
    with acme.begin() as connection:
        connection.execute(text("UPDATE customer SET state_code = '29'"))
    receive(acme, an_envelope("captured", "pay_1", 1_180_00, request=1))
    apply()
    assert requests(acme) == [("upi_mandate", "in_flight")]
    with acme.begin() as connection:
        connection.execute(text("UPDATE customer SET state_code = '27'"))
    apply(waiting=True)
    assert requests(acme) == [("upi_mandate", "captured")]


def test_a_profile_that_leaves_the_tax_open_is_said_and_tried_again(acme):
    with acme.begin() as connection:
        connection.execute(text("UPDATE customer SET state_code = '29'"))
    use(acme, 30)
    assert watch() == 0
    assert "state" in rule(acme)["answer"]
    with acme.begin() as connection:
        connection.execute(text("UPDATE customer SET state_code = '27'"))
    assert watch(NOW + timedelta(hours=6)) == 1


def test_two_watchers_at_once_ask_once(acme):
    use(acme, 30)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: watch(), range(4))) == 1
    assert len(requests(acme)) == len(told(acme, "payment.requests")) == 1


def test_answers_and_looks_at_once_neither_block_nor_ask_twice(acme):
    use(acme, 30)
    watch()
    late = NOW + NOTICE + ANSWER_WITHIN
    receive(acme, an_envelope("failed", "pay_1", 1_180_00, request=1))
    with ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(watch, late) for _ in range(3)]
        pool.submit(apply).result(30)
        asked = sum(look.result(30) for look in looks)
    asked += watch(late)
    assert asked == 1
    assert requests(acme) == [("upi_mandate", "failed"), ("card_mandate", "in_flight")]


def test_a_watcher_that_dies_before_its_commit_leaves_nothing_and_the_next_asks(acme, monkeypatch):
    use(acme, 30)
    with monkeypatch.context() as dying:
        dying.setattr(PostgresWatchTransaction, "tell", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            watch()
    assert requests(acme) == []
    assert told(acme, "payment.requests") == []
    assert watch() == 1


def test_the_limit_of_a_month_is_kept_and_the_next_month_asks_again(acme):
    now = NOW
    with acme.begin() as connection:
        connection.execute(text("UPDATE top_up_rule SET monthly_limit_minor = 100000, methods = '{payment_link}'"))
    use(acme, 30)
    assert watch(now) == 1
    receive(acme, an_envelope("captured", "pay_1", 1_180_00, request=1))
    apply()
    use(acme, 5_100)
    assert watch(now + timedelta(hours=3)) == 0
    assert rule(acme)["answer"] == "it would exceed the month's limit"
    assert watch(NOW + timedelta(days=2)) == 1


def test_a_rule_that_is_stopped_cancels_what_it_asked_for_and_asks_no_more(acme):
    use(acme, 30)
    watch()
    assert stop_rule() == [1]
    assert watch(NOW + timedelta(days=9)) == 0
    assert requests(acme) == [("upi_mandate", "failed")]
    both = told(acme, "payment.requests")
    assert [type_ for type_, _ in both] == ["payment.request", "payment.request_cancelled"]
    validate_request(*both[1])
    with pytest.raises(NotFound, match="no rule that could be stopped"):
        stop_rule()


def test_rules_are_for_open_prepaid_accounts_only(acme):
    open_account("later", mode="postpaid")
    with pytest.raises(InvalidInput, match="account later is postpaid"):
        set_rule("later")
    with pytest.raises(NotFound, match="account 'nobody'"):
        set_rule("nobody")
    with pytest.raises(NotFound, match="account later has no rule"):
        wallet_wiring.top_up_rules().rule("later")


def test_a_rule_that_is_so_already_changes_nothing_and_every_change_is_in_the_audit_trail(acme):
    set_rule()
    stop_rule()
    actions = rows(acme, "SELECT action FROM audit_record WHERE action LIKE 'top_up_rule%' ORDER BY audit_id")
    assert actions == [("top_up_rule.set",), ("top_up_rule.stopped",)]


def test_a_rule_set_on_an_empty_wallet_asks_at_once(acme):
    use(acme, 30)
    stop_rule()
    watch()
    set_rule()
    assert watch() == 1


def test_a_capture_that_no_payment_shows_is_found_by_the_check(acme):
    use(acme, 30)
    watch()
    receive(acme, an_envelope("failed", "pay_1", 1_180_00))
    apply()
    wrong = "UPDATE top_up_request SET state = 'captured', closed_at = requested_at, payment_event_id = 1"
    with acme.begin() as connection:
        connection.execute(text(wrong))
    found = {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows}
    assert found == {"top_up_requests_match_payments"}
    with acme.begin() as connection:
        connection.execute(text("UPDATE top_up_request SET state = 'failed', reason = 'x'"))


def test_a_rule_is_set_shown_and_stopped_by_command(acme, billing):  # noqa: F811
    options = ("--threshold", "500", "--amount", "2000", "--monthly-limit", "9000", "--method", "payment_link")
    ran = billing("wallets", "top-up-rule", "set", "acme", *options, "--json")
    shown = json.loads(ran.out)
    assert (shown["threshold_micros"], shown["amount_minor"], shown["methods"]) == (500_000_000, 2_000_00, ["payment_link"])
    assert watch() == 1
    assert json.loads(billing("wallets", "top-up-requests", "--json").out)[0]["charge_minor"] == 2_360_00
    assert json.loads(billing("wallets", "top-up-rule", "stop", "acme", "--json").out)["cancelled_requests"] == [1]
    for wrong, field in (("0.001", "amount"), ("NaN", "amount"), ("1e30", "amount"), ("-5", "amount")):
        ran = billing("wallets", "top-up-rule", "set", "acme", *options[:3], wrong, *options[4:])
        assert (ran.code, field in ran.err) == (2, True)


def close():
    close_account(wiring.administration(), "acme", closes_at=NOW, author=Author("asha", NOW))


def pay_from_another():
    open_account("payer", mode="prepaid")
    store, author = wiring.administration(), Author("asha", NOW)
    set_parent(store, "acme", parent="payer", author=author)
    set_pay_from(store, "acme", pay_from="payer", author=author)


@pytest.mark.parametrize("count_no_more", [close, pay_from_another])
def test_a_rule_that_counts_no_more_is_looked_at_once_when_its_time_comes_and_not_for_ever(acme, count_no_more):
    use(acme, 30)
    watch()
    count_no_more()
    store, cache, later = metering_wiring.wallet_watch(), metering_wiring.balance_cache(), NOW + timedelta(days=9)
    assert watch_wallets(store, cache, now=later).looks > 0
    assert watch_wallets(store, cache, now=later).looks == 0
    store.close()
    assert rule(acme)["answer"] == NO_TOP_UPS


def test_a_clock_that_steps_back_asks_no_second_time_and_one_that_steps_forward_waits_for_no_answer_for_ever(acme):
    use(acme, 30)
    assert [watch(NOW), watch(NOW - timedelta(hours=5))] == [1, 0]
    receive(acme, an_envelope("failed", "pay_1", 1_180_00, request=1))
    apply()
    assert [watch(NOW - timedelta(hours=5)), watch(NOW + timedelta(minutes=59))] == [0, 0]
    assert watch(NOW + timedelta(hours=1)) == 1
    watch(NOW + timedelta(days=30))
    assert [watch(NOW), watch(NOW - timedelta(days=1))] == [0, 0]
    assert requests(acme)[:2] == [("upi_mandate", "failed"), ("card_mandate", "failed")]
