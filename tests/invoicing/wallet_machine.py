"""A wallet's whole life on the real books, with crashes, losses and several at once, against a wallet on paper."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors import batch_wiring, clock, hold_wiring, metering_wiring, receiving_wiring, wallet_wiring, wiring
from connectors.postgres.metering import PostgresMeteringStore
from connectors.settings import settings as installed
from domain.credit_lots import LotKind
from domain.errors import EngineUnavailable, IllegalTransition
from domain.metering import Origin
from domain.receiving import Family
from invoicing.administer import Author
from invoicing.apply_payments import apply_payments
from invoicing.bank_transfers import decide_transfer, enter_transfer
from invoicing.expire_credits import expire_credits
from invoicing.grant_credit import Grant, grant_credit
from invoicing.records import Record
from invoicing.refill_balances import refill_balances
from invoicing.relay_outbox import relay_outbox
from invoicing.sweep_cache import sweep_cache
from invoicing.watch_wallets import watch_wallets
from streams.balance_teller import BalanceTeller
from tests.books import an_event
from tests.invoicing.wallet_engines import START, DeafCache, DyingWatch, Topics, a_payment, open_wallet, read_books, with_tax
from tests.invoicing.wallet_holds import HELD_MICROS, SMS_MICROS, HoldRules
from tests.metering_books import DyingStore, KilledBeforeCommit
from tests.wallet_model import GRACE_HOURS, PaperWallet, Terms

_RANK = ("active", "low", "grace", "suspended")
rupees = st.integers(1, 30).map(lambda number: number * 1_000_000)


class WalletLife(HoldRules, RuleBasedStateMachine):
    """Rules are what may happen; after each, nothing may differ from paper."""

    def __init__(self):
        super().__init__()
        self.engine, self.serial = wiring.database(), 0
        self.records, self.payments, self.held = 0, 0, {}
        self.balances, self.holds = metering_wiring.balance_cache(), metering_wiring.holds()
        self.watching, self.messages, self.topics = metering_wiring.wallet_watch(), metering_wiring.messages(), Topics()
        self.receiving = receiving_wiring.receiving_store(Family.PAYMENT, "tests")

    @initialize(
        low=st.sampled_from([2_000_000, 1_999_999]),
        grace=st.sampled_from([5_000_000, 4_999_999]),
        alert=st.sampled_from([5_000_000, 4_999_999]),
    )
    def begin(self, low, grace, alert):
        """Levels that whole messages come to, and such as they pass by a micro."""
        self.paper = PaperWallet(Terms(low, grace, alert), hour=48)
        self.balances._client.flushdb()
        open_wallet(self.engine, self.paper.terms)
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

    @precondition(lambda self: self.paper.balance > self.paper.terms.edges[0])
    @rule(data=st.data(), exactly=st.booleans())
    def use_down_to_an_edge(self, data, exactly):
        """To where something changes, to the micro, or by as many messages as pass it."""
        below = [edge for edge in self.paper.terms.edges if edge < self.paper.balance]
        edge = data.draw(st.sampled_from(below))
        odd = (edge - self.paper.balance) % SMS_MICROS
        if exactly and odd:
            self.grant(Decimal(odd).scaleb(-6), "granted", None)
        self.use(-(-(self.paper.balance - edge) // SMS_MICROS), tells=True)

    @precondition(lambda self: self.paper.balance < self.paper.terms.edges[-1])
    @rule(data=st.data())
    def grant_up_to_an_edge(self, data):
        above = [edge for edge in self.paper.terms.edges if edge > self.paper.balance]
        micros = data.draw(st.sampled_from(above)) - self.paper.balance
        self.grant(Decimal(micros).scaleb(-6), "granted", None)

    @precondition(lambda self: self.paper.balance > self.paper.terms.edges[0])
    @rule(data=st.data(), again=st.booleans())
    def a_dip_that_is_over_before_anybody_looks(self, data, again):
        """Down to an edge and up to another; perhaps down once more."""
        for _ in range(1 + again):
            below = [edge for edge in self.paper.terms.edges if edge < self.paper.balance]
            edge = data.draw(st.sampled_from(below or [self.paper.balance - SMS_MICROS]))
            self._use_unseen(-(-(self.paper.balance - edge) // SMS_MICROS))
            self._grant_unseen(data.draw(st.integers(1, 20_000_000)))
        if data.draw(st.booleans()):
            self._use_unseen(data.draw(st.integers(1, 40)))
        self.look()

    def _use_unseen(self, messages):
        self._meter(self.stores[0], self._events(messages, 0))
        self.paper.use(messages * SMS_MICROS)

    def _grant_unseen(self, micros):
        given = Grant("acme", Decimal(micros).scaleb(-6), self.name("grant"), "why", LotKind.GRANTED, None)
        grant_credit(wallet_wiring.wallets(), given, author=Author("tests", self.now))
        self.paper.add(given.reference, "granted", micros)

    @rule(messages=st.integers(1, 40))
    def die_before_the_commit_and_book_again(self, messages):
        records = self._events(messages, 0)
        with pytest.raises(KilledBeforeCommit):
            metering_wiring.metering(DyingStore(self.stores[0])).meter(records)
        self._meter(self.stores[1], records)
        self._meter(self.stores[0], records)  # and a redelivery
        self.paper.use(messages * SMS_MICROS)
        self.look()

    def at_once(self, *works):
        """All at the same time; what each came to. An error of one is the machine's."""
        with ThreadPoolExecutor(len(works)) as threads:
            return [future.result() for future in [threads.submit(work) for work in works]]

    @rule(one=st.integers(1, 20), two=st.integers(1, 20))
    def several_at_once(self, one, two):
        """Two workers, an expiry and two looks at the same time."""
        if any(credit.void_from is not None for credit in self.paper.credits):
            self.expire()  # which lot is used first is then the same whoever comes first
        batches = [self._events(one, 0), self._events(two, 1)]
        workers = [
            lambda store=store, batch=batch: self._meter(store, batch)
            for store, batch in zip(self.stores, batches, strict=True)
        ]
        self.at_once(*workers, self._expire, self._look, self._look)
        self.paper.use((one + two) * SMS_MICROS)
        self._look()
        self.paper.look()
        self._take_over_what_was_seen_between()

    def _take_over_what_was_seen_between(self):
        """A look in the middle of it sees a balance that paper has not: every state once, from better to worse."""
        _, _, state, alerts, told, _ = read_books(self.engine)
        began = len(self.paper.told) - (self.paper.told[-1] != told[-1]) if told else 0
        fresh = [_RANK.index(one) for one in told[max(began - 1, 0) :]]
        assert fresh == sorted(set(fresh))
        assert (state, len(alerts)) == (self.paper.state, len(self.paper.warnings))
        self.paper.told = told
        if alerts and self.paper.warnings[-1].balance <= alerts[-1][1] <= self.paper.terms.alert:
            self.paper.warnings[-1].balance = alerts[-1][1]

    @rule(messages=st.integers(1, 40))
    def two_looks_at_once(self, messages):
        self._meter(self.stores[0], self._events(messages, 0))
        self.paper.use(messages * SMS_MICROS)
        self.at_once(self._look, self._look)
        self.paper.look()

    @rule(messages=st.integers(1, 40))
    def die_in_a_look(self, messages):
        """Before its commit; then another after it, before Redis was told."""
        self._meter(self.stores[0], self._events(messages, 0))
        self.paper.use(messages * SMS_MICROS)
        with suppress(KilledBeforeCommit):
            watch_wallets(DyingWatch(self.watching), self.balances, now=self.now)
        with suppress(EngineUnavailable):
            watch_wallets(self.watching, DeafCache(), now=self.now)
        self.look()

    @rule(micros=st.lists(rupees, min_size=1, max_size=3), again=st.booleans())
    def pay_several(self, micros, again):
        """Payments applied by two at once, perhaps each told twice."""
        names = [self.name("pay") for _ in micros]
        for _ in range(1 + again):
            for payment, credited in zip(names, micros, strict=True):
                self._receive("captured", payment, with_tax(credited))
        self.at_once(self._apply, self._apply)
        for payment, credited in zip(names, micros, strict=True):
            self.paper.add(payment, "paid", credited)
            self.paper.paid[payment] = (credited, 0)
        self.look()

    @rule(micros=rupees, dies=st.booleans())
    def pay(self, micros, dies=False):
        """A payment of so much before tax; who applies it may die before Redis hears of it."""
        payment = self.name("pay")
        self._receive("captured", payment, with_tax(micros))
        if dies:
            with pytest.raises(EngineUnavailable):
                apply_payments(wallet_wiring.top_ups(), DeafCache(), now=self.now)
        self._apply()
        self.paper.add(payment, "paid", micros)
        self.paper.paid[payment] = (micros, 0)
        self.look()

    @rule(micros=rupees, second=st.sampled_from([True, False]))
    def two_decide_a_transfer_at_once(self, micros, second):
        """One of two persons decides it, and it is credited once or not at all; one that is rejected is entered anew."""
        reference, number = self._enter_transfer(micros)
        decided = self.at_once(
            lambda: self._decide(number, "asha", confirm=True), lambda: self._decide(number, "ravi", confirm=second)
        )
        (confirmed,) = [one for one in decided if one is not None]
        if not confirmed:  # whoever was first: what is drawn next may not depend on it
            reference, number = self._enter_transfer(micros)
            self._decide(number, "asha", confirm=True)
        self.paper.add(reference, "paid", micros)
        self.look()

    def _enter_transfer(self, micros):
        store, reference = wallet_wiring.top_ups(), self.name("UTR")
        entered = {"account": "acme", "reference": reference, "amount_minor": with_tax(micros)}
        return reference, enter_transfer(store, **entered, author=Author("mira", self.now))

    def _decide(self, number, person, *, confirm):
        try:
            balance = decide_transfer(wallet_wiring.top_ups(), number, confirm=confirm, author=Author(person, self.now))
        except IllegalTransition:
            return None
        self.balances.put([balance] if balance else [])
        return confirm

    @precondition(lambda self: any(back == 0 for _, back in self.paper.paid.values()))
    @rule(data=st.data(), kind=st.sampled_from(["refunded", "disputed"]))
    def give_back(self, data, kind):
        """A payment goes back whole, told twice and applied by two at once."""
        payment = data.draw(st.sampled_from([name for name, (_, back) in self.paper.paid.items() if back == 0]))
        micros, _ = self.paper.paid[payment]
        reference = self.name("back")
        for _ in range(2):
            self._receive(kind, reference, with_tax(micros), payment=payment)
        self.at_once(self._apply, self._apply)
        self.paper.give_back(payment, micros)
        self.paper.paid[payment] = (micros, micros)
        self.look()

    def _apply(self):
        apply_payments(wallet_wiring.top_ups(), self.balances, now=self.now)

    def _receive(self, type_, reference, amount, **data):
        event = a_payment(self.name("evt"), type_, reference, amount, **data)
        micros = int(self.now.timestamp()) * 1_000_000
        record = Record(Origin("test.payment.events", 0, self.payments, micros), event)
        self.payments += 1
        receiving_wiring.receiving(Family.PAYMENT, self.receiving).receive([record])

    @rule(rupees=st.integers(1, 10), kind=st.sampled_from(["granted", "promotional"]), hours=st.none() | st.integers(1, 30))
    def grant(self, rupees, kind, hours):
        reference, void_from = self.name("grant"), None if hours is None else self.paper.hour + hours
        expires = None if void_from is None else START + timedelta(hours=void_from)
        given = Grant("acme", Decimal(rupees), reference, "why", LotKind(kind), expires)
        for _ in range(2):  # told twice, granted once
            balance = grant_credit(wallet_wiring.wallets(), given, author=Author("tests", self.now))
            self.balances.put([balance] if balance else [])
        self.paper.add(reference, kind, int(Decimal(rupees).scaleb(6)), void_from)
        self.look()

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours):
        self.paper.hour += hours
        self.look()

    @precondition(lambda self: self.paper.state == "grace")
    @rule(before=st.integers(0, 1))
    def time_passes_to_the_end_of_the_grace(self, before):
        """To its first instant after, or an hour before."""
        self.paper.hour = max(self.paper.hour, self.paper.out_since + GRACE_HOURS - before)
        self.look()

    @rule(hours=st.integers(1, 6))
    def the_clock_steps_back(self, hours):
        self.paper.hour = max(self.paper.hour - hours, 0)  # no event is from the future
        self.look()

    @rule()
    def expire(self):
        self._expire()
        self.paper.expire()
        self.look()

    def _expire(self):
        expire_credits(wallet_wiring.wallets(), self.balances, now=self.now)

    @rule()
    def redis_is_lost(self):
        """With all reservations: the books refill the rest."""
        self.balances._client.flushdb()
        refill_balances(self.stores[0], self.balances)
        self.held = {}

    @rule(dies=st.booleans())
    def relay(self, dies):
        """What is saved is sent; who sends it may die before it is marked."""
        self.topics.dies = dies
        with suppress(EngineUnavailable):
            relay_outbox(self.messages, self.topics)
        self.topics.dies = False

    def retell(self):
        """What somebody who died did not tell is told by the next."""
        refill_balances(self.stores[0], self.balances, always=True)

    def look(self):
        self._look()
        self.paper.look()

    def _look(self):
        store = metering_wiring.wallet_watch()
        while watch_wallets(store, self.balances, now=self.now).looks:
            pass
        store.close()

    @invariant()
    def paper_and_books_say_the_same(self):
        wallet, lots, state, alerts, told, alerts_told = read_books(self.engine)
        assert (wallet, lots) == (self.paper.balance, [credit.left for credit in self.paper.credits])
        assert (state, told) == (self.paper.state, self.paper.told)
        assert alerts == [(one.hour, one.balance, one.over) for one in self.paper.warnings]
        assert alerts_told == len(alerts)

    def teardown(self):
        try:
            self._compare_what_was_told()
        finally:
            for open_one in (*getattr(self, "stores", ()), self.watching, self.messages, self.receiving, self.balances):
                open_one.close()
            self.holds.close()

    def _compare_what_was_told(self):
        self.relay(dies=False)
        assert self.topics.heard("account.status", "status") == self.paper.told
        assert self.topics.heard("wallet.alert", "balance_micros") == [one.balance for one in self.paper.warnings]
        self.retell()
        swept = sweep_cache(hold_wiring.credit_books(), self.balances, self.holds)
        assert (swept.ahead, swept.different, swept.reservations_mended) == (0, 0, 0)
        said = self.holds.may_send(1, 0)
        assert (said.balance_micros, said.reserved_micros) == (self.paper.balance, HELD_MICROS * len(self.held))
        assert said.status == self.paper.state
        failing = {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows}
        assert failing == set()
