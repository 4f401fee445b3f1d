"""A wallet's whole life on the real books, with crashes, losses and several at once, against a wallet on paper."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from connectors import batch_wiring, clock, hold_wiring, metering_wiring, receiving_wiring, wallet_wiring, wiring
from connectors.postgres.metering import PostgresMeteringStore
from connectors.settings import settings as installed
from domain.credit_lots import LotKind
from domain.holds import Answer
from domain.metering import Origin
from domain.receiving import Family
from invoicing.administer import Author
from invoicing.apply_payments import apply_payments
from invoicing.expire_credits import expire_credits
from invoicing.grant_credit import Grant, grant_credit
from invoicing.hold_credit import Question
from invoicing.records import Record
from invoicing.refill_balances import refill_balances
from invoicing.sweep_cache import sweep_cache
from invoicing.watch_wallets import watch_wallets
from streams.balance_teller import BalanceTeller
from tests.books import an_event, open_account, open_shop
from tests.conftest import _EMPTY
from tests.metering_books import DyingStore, KilledBeforeCommit
from tests.wallet_model import ALERT_AT, GRACE, GRACE_HOURS, LOW, PaperWallet

pytestmark = pytest.mark.engines
START = datetime(2026, 11, 5, tzinfo=UTC)
SMS_MICROS = 200_000
HELD_MICROS = 200_002


class WalletLife(RuleBasedStateMachine):
    """Rules are what may happen; after each, nothing may differ from paper."""

    def __init__(self):
        super().__init__()
        self.engine, self.paper, self.serial = wiring.database(), PaperWallet(), 0
        self.records, self.payments, self.held = 0, 0, {}
        self.balances, self.holds = metering_wiring.balance_cache(), metering_wiring.holds()

    @initialize()
    def begin(self):
        with self.engine.begin() as connection:
            connection.execute(text(_EMPTY))
        self.balances._client.flushdb()
        open_shop()
        open_account("acme", mode="prepaid")
        with self.engine.begin() as connection:
            terms = {"low": LOW, "hours": GRACE_HOURS, "grace": GRACE, "alert": ALERT_AT}
            connection.execute(text("INSERT INTO account_terms VALUES (1, :low, :hours, :grace)"), terms)
            connection.execute(text("INSERT INTO account_threshold VALUES (1, 'absolute', :alert)"), terms)
        self.stores = [self._store(name) for name in ("one", "two")]
        self.pay(2_000_000)
        for kind in ("granted", "promotional"):
            self.grant(2, kind, None)

    def _store(self, name):
        return PostgresMeteringStore(installed().postgres_dsn, worker=name, clock=lambda: self.now)

    @property
    def now(self):
        return START + timedelta(hours=self.paper.hour)

    def name(self, prefix):
        self.serial += 1
        return f"{prefix}-{self.serial}"

    def _events(self, messages, partition, hold_ids=()):
        first, micros = self.records, int(self.now.timestamp()) * 1_000_000
        events = [an_event("acme", at=START, channel="sms", **({"hold_id": h} if h else {})) for h in hold_ids]
        if messages:
            events.append(an_event("acme", at=START, quantity=messages))
        self.records += len(events)
        topic = f"test.usage.events.{first}"  # a topic of its own: offsets begin at 0 there
        return [Record(Origin(topic, partition, place, micros), event) for place, event in enumerate(events)]

    def _meter(self, store, records, *, tells=True):
        metered = metering_wiring.metering(store).meter(records)
        if tells:
            BalanceTeller(self.balances, clock.monotonic_seconds, self.holds).tell(metered.balances, metered.rated)

    @rule(messages=st.integers(1, 40), tells=st.booleans())
    def use(self, messages, tells):
        """A batch is booked; the worker may die before it tells."""
        self._meter(self.stores[0], self._events(messages, 0), tells=tells)
        self.paper.use(messages * SMS_MICROS)
        self.look()

    @rule(messages=st.integers(1, 40))
    def die_before_the_commit_and_book_again(self, messages):
        records = self._events(messages, 0)
        with pytest.raises(KilledBeforeCommit):
            metering_wiring.metering(DyingStore(self.stores[0])).meter(records)
        self._meter(self.stores[1], records)
        self._meter(self.stores[0], records)  # and a redelivery
        self.paper.use(messages * SMS_MICROS)
        self.look()

    @rule(one=st.integers(1, 20), two=st.integers(1, 20))
    def several_at_once(self, one, two):
        """Two workers, an expiry and a look at the same time."""
        if any(credit.void_from is not None for credit in self.paper.credits):
            self.expire()  # which lot is used first is then the same whoever comes first
        batches = [self._events(one, 0), self._events(two, 1)]
        with ThreadPoolExecutor(3) as threads:
            waiting = [threads.submit(self._meter, *pair) for pair in zip(self.stores, batches, strict=True)]
            waiting.append(threads.submit(self._expire))
            for future in waiting:
                future.result()
        self.paper.use((one + two) * SMS_MICROS)
        self.look()

    @rule(micros=st.integers(1, 30).map(lambda rupees: rupees * 1_000_000), again=st.booleans())
    def pay(self, micros, again=False):
        """A payment of so much before tax, perhaps told twice."""
        payment = self.name("pay")
        paid_minor = micros * 118 // 100 // 10_000
        for _ in range(1 + again):
            self._receive("captured", payment, paid_minor)
        apply_payments(wallet_wiring.top_ups(), self.balances, now=self.now)
        self.paper.add(payment, "paid", micros)
        self.paper.paid[payment] = (micros, 0)
        self.look()

    @precondition(lambda self: any(back == 0 for _, back in self.paper.paid.values()))
    @rule(data=st.data(), kind=st.sampled_from(["refunded", "disputed"]))
    def give_back(self, data, kind):
        """A payment goes back whole."""
        payment = data.draw(st.sampled_from([name for name, (_, back) in self.paper.paid.items() if back == 0]))
        micros, _ = self.paper.paid[payment]
        self._receive(kind, self.name("back"), micros * 118 // 100 // 10_000, payment=payment)
        apply_payments(wallet_wiring.top_ups(), self.balances, now=self.now)
        self.paper.give_back(payment, micros)
        self.paper.paid[payment] = (micros, micros)
        self.look()

    def _receive(self, type_, reference, amount, **data):
        event = {
            "specversion": "1.0", "id": self.name("evt"), "source": "/gateways/razorpay", "type": f"payment.{type_}",
            "subject": "acme", "time": START.isoformat(),
            "data": {"gateway": "razorpay", "reference": reference, "amount_minor": amount, "currency": "INR", **data},
        }  # fmt: skip
        micros = int(self.now.timestamp()) * 1_000_000
        record = Record(Origin("test.payment.events", 0, self.payments, micros), json.dumps(event).encode())
        self.payments += 1
        store = receiving_wiring.receiving_store(Family.PAYMENT, "tests")
        receiving_wiring.receiving(Family.PAYMENT, store).receive([record])
        store.close()

    @rule(rupees=st.integers(1, 10), kind=st.sampled_from(["granted", "promotional"]), hours=st.none() | st.integers(1, 30))
    def grant(self, rupees, kind, hours):
        reference, void_from = self.name("grant"), None if hours is None else self.paper.hour + hours
        expires = None if void_from is None else START + timedelta(hours=void_from)
        given = Grant("acme", Decimal(rupees), reference, "why", LotKind(kind), expires)
        for _ in range(2):  # told twice, granted once
            balance = grant_credit(wallet_wiring.wallets(), given, author=Author("tests", self.now))
            self.balances.put([balance] if balance else [])
        self.paper.add(reference, kind, rupees * 1_000_000, void_from)
        self.look()

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours):
        self.paper.hour += hours
        self.look()

    @rule()
    def expire(self):
        self._expire()
        self.paper.expire()
        self.look()

    def _expire(self):
        expire_credits(wallet_wiring.wallets(), metering_wiring.balance_cache(), now=self.now)

    @rule()
    def hold(self):
        """Asked before sending: a yes exactly when credit, grace and what is reserved allow it."""
        hold_id = self.name("hold")
        self.retell()
        asked = Question("acme", "otp.delivered", properties={"channel": "sms"})
        said = hold_wiring.hold_credit().hold(asked, hold_id=hold_id, now=self.now)
        room = self.paper.balance + (0 if self.paper.state == "suspended" else GRACE) - HELD_MICROS * len(self.held)
        if self.paper.state == "suspended":
            assert said.answer is Answer.SUSPENDED
        else:
            assert (said.answer is Answer.YES) == (room >= HELD_MICROS)
        if said.answer is Answer.YES:
            self.held[hold_id] = HELD_MICROS

    @precondition(lambda self: self.held)
    @rule(data=st.data(), delivered=st.booleans())
    def end_hold(self, data, delivered):
        hold_id = data.draw(st.sampled_from(sorted(self.held)))
        if delivered:
            self._meter(self.stores[0], self._events(0, 0, [hold_id]))
            self.paper.use(SMS_MICROS)
        else:
            self.holds.release(1, [hold_id])
        del self.held[hold_id]
        self.look()

    @rule()
    def redis_is_lost(self):
        """With all reservations: the books refill the rest."""
        self.balances._client.flushdb()
        refill_balances(self.stores[0], self.balances)
        self.held = {}

    def retell(self):
        """What a worker that died did not tell is told by the next."""
        self.balances.put(self.stores[0].all_balances())

    def look(self):
        store = metering_wiring.wallet_watch()
        while watch_wallets(store, self.balances, now=self.now).looks:
            pass
        store.close()
        self.paper.look()

    @invariant()
    def paper_and_books_say_the_same(self):
        with self.engine.connect() as connection:
            wallet = connection.execute(text("SELECT balance_micros FROM wallet")).scalar_one()
            lots = connection.execute(text("SELECT remaining_micros FROM lot_balance ORDER BY lot_id")).scalars().all()
            state = connection.execute(text("SELECT state FROM account_standing")).scalar()
            alerts = connection.execute(text("SELECT count(*) FROM balance_alert")).scalar_one()
        assert wallet == self.paper.balance
        assert list(lots) == [credit.left for credit in self.paper.credits]
        assert (state, alerts) == (self.paper.state, self.paper.alerts)

    def teardown(self):
        self.retell()
        swept = sweep_cache(hold_wiring.credit_books(), self.balances, self.holds)
        assert (swept.ahead, swept.different, swept.reservations_mended) == (0, 0, 0)
        said = self.holds.may_send(1, 0)
        assert (said.balance_micros, said.reserved_micros) == (self.paper.balance, HELD_MICROS * len(self.held))
        failing = {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows}
        assert failing == set()
        for store in self.stores:
            store.close()


def test_a_wallets_life_is_as_on_paper(database, cache):
    """Balances, lots, holds, alerts and standings, whatever happens in whatever order."""
    run_state_machine_as_test(
        WalletLife,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
        ),
    )
