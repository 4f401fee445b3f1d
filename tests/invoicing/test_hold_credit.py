"""Holding credit: core asks, is answered by the account's own price, and delivered events settle what was held."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors import clock, hold_wiring, metering_wiring, wiring
from connectors.redis.holds import RedisHolds
from domain.errors import InvalidInput, NotFound
from domain.holds import Answer
from invoicing import arrange_accounts
from invoicing.administer import top_up
from invoicing.hold_credit import HoldCredit, Question
from streams.balance_teller import BalanceTeller
from tests.books import AUTHOR, an_event, book, open_account

pytestmark = pytest.mark.engines
NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
SMS = Question("acme", "otp.delivered", properties={"channel": "sms"})
# Of an SMS: 0.20, and two micros for rounding on the running total.
SMS_MICROS = 200_002


@pytest.fixture
def acme(shop, cache):
    """A prepaid account with 1.00 in its wallet, on a cache that knows nothing."""
    open_account("acme", mode="prepaid")
    credit("acme", "1.00", "first")
    return "acme"


@pytest.fixture
def holding(acme):
    return hold_wiring.hold_credit()


def credit(account, amount, reference):
    top_up(wiring.administration(), account_code=account, amount=Decimal(amount), reference=reference, author=AUTHOR)


def test_an_account_is_answered_by_its_own_price_although_the_cache_knew_nothing(holding):
    said = holding.hold(SMS, hold_id="e1", now=NOW)
    assert (said.answer, said.account, said.amount_micros) == (Answer.YES, "acme", SMS_MICROS)
    assert (said.balance_micros, said.reserved_micros, said.status, said.from_cache) == (
        1_000_000, SMS_MICROS, "active", True,
    )  # fmt: skip


def test_messages_are_held_up_to_the_balance_and_not_beyond(holding):
    answers = [holding.hold(SMS, hold_id=f"e{number}", now=NOW).answer for number in range(5)]
    assert answers == [Answer.YES] * 4 + [Answer.NO_CREDIT]


def test_what_is_not_said_of_a_message_is_taken_at_its_dearest(holding):
    dearest = holding.may_send(Question("acme", "otp.delivered"), now=NOW)
    assert dearest.amount_micros == 500_002
    whatsapp = holding.may_send(Question("acme", "otp.delivered", properties={"channel": "whatsapp"}), now=NOW)
    assert whatsapp.amount_micros == 145_002


def test_a_price_in_tiers_is_held_by_the_running_total(holding, shop):
    minutes = Question("acme", "voice.minutes", messages=10)
    assert holding.may_send(minutes, now=NOW).amount_micros == 10_000_002
    book(shop, [an_event("acme", meter="voice.minutes", quantity=5_000, at=NOW)], received_at=NOW, warehouse=False)
    assert hold_wiring.hold_credit().may_send(minutes, now=NOW).amount_micros == 8_000_002


def test_a_delivered_event_settles_the_hold_of_its_id_or_of_the_one_it_names(holding, shop):
    for hold_id in ("event-of-hold", "named-hold", "lost"):
        assert holding.hold(SMS, hold_id=hold_id, now=NOW).answer is Answer.YES
    named = an_event("acme", channel="sms", hold_id="named-hold", at=NOW)
    by_id = an_event("acme", channel="sms", at=NOW).replace(b'"id": "event-', b'"id": "event-of-hold", "was": "')
    metered = book(shop, [named, by_id], received_at=NOW, warehouse=False)
    assert len(metered.rated) == 2
    teller = BalanceTeller(metering_wiring.balance_cache(), clock.monotonic_seconds, metering_wiring.holds())
    teller.tell(metered.balances, metered.rated)
    said = holding.may_send(SMS, now=NOW)
    assert (said.balance_micros, said.reserved_micros) == (600_000, SMS_MICROS)
    # Booked and told again, a settlement settles nothing more.
    teller.tell(metered.balances, metered.rated)
    assert holding.may_send(SMS, now=NOW).reserved_micros == SMS_MICROS


def test_an_event_that_costs_more_than_was_held_is_debited_whole(holding, shop):
    holding.hold(SMS, hold_id="e1", now=NOW)
    dearer = an_event("acme", channel="voice", hold_id="e1", quantity=3, at=NOW)
    metered = book(shop, [dearer], received_at=NOW, warehouse=False)
    teller = BalanceTeller(metering_wiring.balance_cache(), clock.monotonic_seconds, metering_wiring.holds())
    teller.tell(metered.balances, metered.rated)
    said = holding.may_send(SMS, now=NOW)
    assert (said.answer, said.balance_micros, said.reserved_micros) == (Answer.NO_CREDIT, -500_000, 0)


def test_a_failed_message_is_voided(holding):
    holding.hold(SMS, hold_id="e1", now=NOW)
    assert holding.release("acme", ["e1", "another"], now=NOW) == 1
    assert holding.may_send(SMS, now=NOW).reserved_micros == 0


def test_an_account_that_pays_from_another_is_held_in_the_wallet_that_pays(holding):
    open_account("branch", mode="prepaid")
    store = wiring.administration()
    arrange_accounts.set_parent(store, "branch", parent="acme", author=AUTHOR)
    arrange_accounts.set_pay_from(store, "branch", pay_from="acme", author=AUTHOR)
    asking = hold_wiring.hold_credit()
    branch = Question("branch", "otp.delivered", properties={"channel": "sms"})
    assert asking.hold(branch, hold_id="b1", now=NOW).answer is Answer.YES
    assert asking.may_send(SMS, now=NOW).reserved_micros == SMS_MICROS


def test_without_redis_the_books_answer_and_nothing_is_reserved(acme):
    nobody = RedisHolds(host="127.0.0.1", port=1, database=0)
    holding = HoldCredit(hold_wiring.present_prices(), nobody, metering_wiring.balance_cache(), hold_wiring.credit_books())
    said = holding.hold(SMS, hold_id="e1", now=NOW)
    assert (said.answer, said.from_cache, said.held_until, said.reserved_micros) == (Answer.YES, False, None, 0)
    many = Question("acme", "otp.delivered", 6, {"channel": "sms"})
    assert holding.may_send(many, now=NOW).answer is Answer.NO_CREDIT


def test_a_postpaid_account_without_a_limit_may_always_send(shop, cache):
    open_account("bolt")
    many = Question("bolt", "otp.delivered", 1_000_000)
    assert hold_wiring.hold_credit().may_send(many, now=NOW).answer is Answer.YES


@pytest.mark.parametrize(
    ("question", "hold_id", "error"),
    [
        (Question("nobody", "otp.delivered"), "h", NotFound),
        (Question("acme", "no.such.type"), "h", NotFound),
        (Question("acme", "otp.delivered", 0), "h", InvalidInput),
        (Question("acme", "otp.delivered", -1), "h", InvalidInput),
        (Question("acme", "otp.delivered", 10**20), "h", InvalidInput),
        (SMS, "", InvalidInput),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(holding, question, hold_id, error):
    with pytest.raises(error):
        holding.hold(question, hold_id=hold_id, now=NOW)
