"""Several wallets of one account: each event is taken from the wallet that pays for it; holds and standings go by wallet."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors import batch_wiring, clock, hold_wiring, metering_wiring, proof_wiring, wallet_wiring, wiring
from domain.holds import Answer
from domain.suspension import State, override
from invoicing import arrange_accounts
from invoicing.accrue_fees import accrue_fees
from invoicing.hold_credit import Question
from invoicing.keep_accounts import close_account
from invoicing.keep_wallets import set_purposes
from invoicing.refill_balances import refill_balances
from invoicing.rerate_usage import rerate_usage
from invoicing.sweep_cache import sweep_cache
from streams.balance_teller import BalanceTeller
from tests.books import AUTHOR, an_event, book, open_account
from tests.invoicing.selling import a_usage_charge, publish, put_on
from tests.invoicing.wallets import ASHA, NOW, balances, opened, pay, rows, watch, whatsapp
from tests.metering_books import Topic, Worker, at_once

pytestmark = pytest.mark.engines
OCTOBER_1 = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
WHATSAPP = Question("acme", "otp.delivered", properties={"channel": "whatsapp"})
SMS = Question("acme", "otp.delivered", properties={"channel": "sms"})
VOLUME = {"model": "volume", "tiers": [{"up_to": 3, "unit_price": "1"}, {"unit_price": "0.5"}]}


@pytest.fixture
def acme(acme_with_meters):
    return acme_with_meters


class TestDebits:
    """Which wallet an event is taken from."""

    def test_an_event_is_taken_from_the_wallet_that_pays_for_it_and_every_other_from_the_accounts_own(self, acme):
        opened()
        book(acme, [whatsapp(2), an_event("acme", quantity=5), an_event("acme", meter="voice.minutes", quantity=1)])
        assert balances(acme) == {"acme": Decimal("-2.00"), "acme/whatsapp": Decimal("-0.29")}

    def test_the_meter_with_more_conditions_decides_where_two_count_an_event(self, acme):
        opened()
        opened("india", "whatsapp.india")
        book(acme, [whatsapp(country="IN"), whatsapp(country="US"), whatsapp()])
        assert balances(acme) == {"acme": 0, "acme/india": Decimal("-0.145"), "acme/whatsapp": Decimal("-0.29")}

    def test_a_text_that_postgres_cannot_read_as_json_is_taken_from_the_wallet_its_other_properties_say(self, acme):
        opened()
        event = whatsapp(note="a\0b\\u0000")
        book(acme, [event, an_event("acme", channel="whats\0app")])
        assert balances(acme) == {"acme": Decimal("-0.50"), "acme/whatsapp": Decimal("-0.145")}
        (explained,) = proof_wiring.explanations().event(json.loads(event)["id"], source="/tests")
        assert explained.paid_by == "acme/whatsapp"

    def test_a_wallet_that_runs_dry_falls_below_zero_and_nothing_overflows(self, acme):
        opened()
        pay("1.00", "own")
        pay("0.10", "campaign", "acme/whatsapp")
        book(acme, [whatsapp(10)])
        assert balances(acme) == {"acme": Decimal("1.00"), "acme/whatsapp": Decimal("-1.35")}

    def test_who_pays_from_an_account_pays_from_its_wallets(self, acme):
        opened()
        open_account("branch", mode="prepaid")
        store = wiring.administration()
        arrange_accounts.set_parent(store, "branch", parent="acme", author=AUTHOR)
        arrange_accounts.set_pay_from(store, "branch", pay_from="acme", author=AUTHOR)
        book(acme, [whatsapp(alias="branch"), an_event("branch")])
        assert balances(acme) == {"acme": Decimal("-0.20"), "acme/whatsapp": Decimal("-0.145"), "branch": 0}

    def test_running_workers_debit_by_new_purposes_and_what_was_booked_stays_where_it_was(self, acme):
        worker, topic = Worker(), Topic()
        worker.take(topic.append(whatsapp()))
        opened()
        worker.take(topic.append(whatsapp()))
        set_purposes(wiring.administration(), "acme/whatsapp", ["whatsapp.india"], author=ASHA)
        worker.take(topic.append(whatsapp(), whatsapp(country="IN")))
        assert balances(acme) == {"acme": Decimal("-0.29"), "acme/whatsapp": Decimal("-0.29")}

    def test_a_price_that_several_wallets_share_goes_on_whichever_pays_and_workers_at_once_lose_nothing(self, acme):
        """Two workers, each with the events of one wallet, of one running total in tiers."""
        charge = a_usage_charge("otp.delivered", price={"model": "graduated", "tiers": [
            {"up_to": 30, "unit_price": "1"}, {"unit_price": "0.1"}]})  # fmt: skip
        put_on(acme, "acme", publish(acme, "tiers", [charge]), start=OCTOBER_1)
        opened()
        first, second, topic = Worker("first"), Worker("second"), Topic()
        for _ in range(5):
            at_once(
                (first, topic.append(*(whatsapp() for _ in range(4)), partition=0)),
                (second, topic.append(*(an_event("acme") for _ in range(4)), partition=1)),
            )
        found = balances(acme)
        assert sum(found.values()) == -31
        assert all(balance < 0 for balance in found.values())

    def test_redelivered_events_tell_the_balance_of_the_wallet_that_paid(self, acme):
        opened()
        worker, topic = Worker(), Topic()
        records = topic.append(whatsapp())
        worker.take(records)
        told = {balance.account_id: balance.balance_micros for balance in worker.take(records).balances}
        assert sorted(told.values()) == [-145_000, 0]

    def test_a_re_rating_gives_back_to_the_wallet_that_paid_and_takes_from_it(self, acme):
        opened()
        book(acme, [whatsapp(10), an_event("acme", quantity=10)])
        put_on(acme, "acme", publish(acme, "dear", [a_usage_charge("otp.delivered", price=VOLUME)]), start=OCTOBER_1)
        # Of one running total, whose price falls with the second event: that difference goes with the last that moved.
        rerate_usage("acme", OCTOBER_1, store=proof_wiring.rerating(), balances=None, author=AUTHOR, why="late")
        assert sum(balances(acme).values()) == -10
        assert balances(acme)["acme/whatsapp"] < Decimal("-1.45")

    def test_fees_are_the_accounts_own_wallets_and_no_further_wallet_bears_any(self, acme):
        opened()
        fee = {"code": "base", "kind": "recurring", "description": "Base", "sac": "998319", "amount": "30", "every": "month",
               "billed": "in_advance"}  # fmt: skip
        put_on(acme, "acme", publish(acme, "base", [a_usage_charge("otp.delivered", price=VOLUME), fee]), start=OCTOBER_1)
        accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=NOW)
        found = balances(acme)
        assert (found["acme"] < 0, found["acme/whatsapp"]) == (True, 0)


class TestHolds:
    """Which wallet is asked before sending."""

    def test_the_kind_of_message_chooses_the_wallet(self, acme):
        opened()
        pay("1.00", "own")
        holding = hold_wiring.hold_credit()
        assert holding.hold(SMS, hold_id="s", now=NOW).answer is Answer.YES
        assert holding.hold(WHATSAPP, hold_id="w", now=NOW).answer is Answer.NO_CREDIT
        pay("0.20", "campaign", "acme/whatsapp")
        refill()
        said = holding.hold(WHATSAPP, hold_id="w", now=NOW)
        assert (said.answer, said.wallet, said.balance_micros) == (Answer.YES, "acme/whatsapp", 200_000)
        assert holding.may_send(SMS, now=NOW).wallet == "acme"

    def test_a_delivered_event_settles_its_hold_and_a_void_finds_it_in_whichever_wallet(self, acme):
        opened()
        pay("1.00", "own")
        pay("1.00", "campaign", "acme/whatsapp")
        holding = hold_wiring.hold_credit()
        for hold_id in ("delivered", "failed"):
            assert holding.hold(WHATSAPP, hold_id=hold_id, now=NOW).answer is Answer.YES
        metered = book(acme, [whatsapp(hold_id="delivered")], received_at=NOW, warehouse=False)
        teller = BalanceTeller(metering_wiring.balance_cache(), clock.monotonic_seconds, metering_wiring.holds())
        teller.tell(metered.balances, metered.rated)
        assert holding.release("acme", ["delivered", "failed"], now=NOW) == 1
        said = holding.may_send(WHATSAPP, now=NOW)
        assert (said.balance_micros, said.reserved_micros) == (855_000, 0)

    def test_the_cache_is_told_and_compared_wallet_by_wallet(self, acme, cache):
        opened()
        pay("1.00", "campaign", "acme/whatsapp")
        refill()
        swept = sweep_cache(hold_wiring.credit_books(), metering_wiring.balance_cache(), metering_wiring.holds())
        assert (swept.ahead, swept.different) == (0, 0)
        assert sorted(cache.hget(key, "balance_micros") for key in cache.keys("balance:*")) == ["0", "1000000"]


def refill():
    store = metering_wiring.metering_store("refill")
    refill_balances(store, metering_wiring.balance_cache(), always=True)
    store.close()


class TestStandings:
    """What is warned of and stopped."""

    def test_a_dry_wallet_stops_only_what_it_pays_for(self, acme):
        opened()
        pay("1.00", "own")
        pay("0.10", "campaign", "acme/whatsapp")
        watch()
        book(acme, [whatsapp(5_000)], warehouse=False)
        watch()
        holding = hold_wiring.hold_credit()
        assert holding.may_send(WHATSAPP, now=NOW).answer is Answer.SUSPENDED
        assert holding.may_send(SMS, now=NOW).answer is Answer.YES
        told = rows(
            acme, "SELECT key, data FROM outbox_message WHERE topic = 'account.status' ORDER BY message_id DESC LIMIT 1"
        )
        ((key, data),) = told
        assert (key, data["status"], data["wallet_of"], data["pays_for"]) == (
            "acme/whatsapp", "suspended", "acme", ["whatsapp"],
        )  # fmt: skip

    def test_a_persons_word_over_an_account_holds_for_its_wallets_until_one_is_given_over_a_wallet(self, acme):
        opened()
        pay("1.00", "own")
        pay("1.00", "campaign", "acme/whatsapp")
        watch()
        word = override(State.SUSPENDED, reason="fraud", by="asha", until=NOW + timedelta(days=2), now=NOW)
        wallet_wiring.standings().set_override("acme", word, by="asha", at=NOW)
        watch()
        assert standings(acme) == {"acme": "suspended", "acme/whatsapp": "suspended"}
        word = override(State.ACTIVE, reason="checked", by="asha", until=NOW + timedelta(days=1), now=NOW)
        wallet_wiring.standings().set_override("acme/whatsapp", word, by="asha", at=NOW)
        watch()
        assert standings(acme) == {"acme": "suspended", "acme/whatsapp": "active"}
        watch(NOW + timedelta(days=1))
        assert standings(acme) == {"acme": "suspended", "acme/whatsapp": "suspended"}
        watch(NOW + timedelta(days=2))
        assert standings(acme) == {"acme": "active", "acme/whatsapp": "active"}

    def test_closing_an_account_closes_its_wallets(self, acme):
        opened()
        close_account(wiring.administration(), "acme", closes_at=NOW, author=ASHA)
        watch()
        assert standings(acme) == {"acme": "closed", "acme/whatsapp": "closed"}


def standings(shop):
    return dict(rows(shop, "SELECT code, effective FROM account_standing JOIN account USING (account_id)"))
