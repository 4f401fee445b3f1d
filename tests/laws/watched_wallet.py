"""One wallet that is looked at in memory, against a wallet on paper: thousands of moves a second, all along the edges."""

from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.alerts import Threshold, WalletFacts
from domain.customers.thresholds import ThresholdKind
from domain.money import Currency
from domain.suspension import CreditFacts, Standing, State
from domain.wallet_watch import ALWAYS_BELOW, ChosenTerms, Watched
from invoicing.watch_ports import LookedAt
from invoicing.watch_wallets import watch_wallets
from tests.wallet_model import GRACE_HOURS, PaperWallet, Terms

START = datetime(2026, 11, 5, tzinfo=UTC)
UNIT_MICROS = 200_000
PAST_MAX = 3
"""Balances that one look judges."""


class DiedBeforeItsCommit(Exception):
    """Nothing of the look is kept."""


class MemoryWatch:
    """A WatchStore of one wallet. It asks for a look exactly when the books' trigger does."""

    top_ups = None

    def __init__(self, terms):
        self._terms = terms
        self.balance, self.below, self.above = 0, ALWAYS_BELOW, ALWAYS_BELOW
        self.asked, self.dies = False, False
        self.standing, self.version, self.effective, self.floor = Standing(), 0, State.ACTIVE, None
        self.again_at, self.arms, self.alerts, self.told = None, {}, [], []
        self.past = []

    def move(self, micros):
        self.balance += micros
        self.asked |= self.balance <= self.below or self.balance >= self.above or micros > 0
        if self.asked:
            self.past = [*self.past, WalletFacts(self.balance)]

    @contextmanager
    def begin(self):
        kept = dict(vars(self))
        yield self
        if self.dies:
            vars(self).update(kept)
            raise DiedBeforeItsCommit

    def to_look_at(self, *, now, limit):
        if not self.asked and (self.again_at is None or self.again_at > now):
            return []
        past, self.past = self.past[:PAST_MAX], self.past[PAST_MAX:]
        self.asked = bool(self.past)
        micros, chosen = self.balance, self._terms
        watched = Watched(
            ChosenTerms(True, Currency.INR, chosen.low, GRACE_HOURS, chosen.grace),
            [Threshold(ThresholdKind.ABSOLUTE, chosen.alert)],
            WalletFacts(micros),
            CreditFacts(micros),
            self.standing,
            None,
            self.arms,
            past=past,
            past_is_whole=not self.asked,
        )
        return [LookedAt(1, "acme", "INR", self.version, self.effective.value, self.floor, watched)]

    def leaning(self, account_id):
        return ["acme"]

    def save(self, item, look, *, standing_version, now):
        self.standing, self.version, self.effective = look.standing, standing_version, look.effective
        self.floor, self.again_at, self.arms = look.floor_micros, look.look_again_at, look.arms
        self.below, self.above = look.look_below_micros, look.look_above_micros
        if look.recovered:
            self.alerts = [*self.alerts[:-1], (*self.alerts[-1][:2], now)]
        fired = [(now, crossing.balance_micros, now if crossing.over else None) for crossing in look.crossings]
        self.alerts = [*self.alerts, *fired]

    def tell(self, messages, *, now):
        self.told = self.told + [(one.topic, one.data) for one in messages]


class Redis:
    """Holds a standing; an older version changes nothing."""

    status, version = None, 0

    def put_standings(self, standings):
        for one in standings:
            if one.version > self.version:
                self.status, self.version = one.status, one.version


class WatchedLife(RuleBasedStateMachine):
    """Rules are what moves a balance or the clock; after each look, nothing may differ from paper."""

    @initialize(
        low=st.sampled_from([2_000_000, 1_999_999]),
        grace=st.sampled_from([5_000_000, 4_999_999, 0]),
        alert=st.sampled_from([5_000_000, 4_999_999, 3, -1_000_000]),
    )
    def begin(self, low, grace, alert):
        self.paper = PaperWallet(Terms(low, grace, alert), hour=48)
        self.books, self.redis = MemoryWatch(self.paper.terms), Redis()
        self.move(10_000_000)

    @property
    def now(self):
        return START + timedelta(hours=self.paper.hour)

    def move(self, micros):
        self.move_unseen(micros)
        self.look()

    def move_unseen(self, micros):
        self.books.move(micros)
        if micros > 0:
            self.paper.add("", "paid", micros)
        else:
            self.paper.use(-micros)

    def look(self):
        while watch_wallets(self.books, self.redis, now=self.now).looks:
            pass
        self.paper.look()

    @rule(units=st.integers(1, 40))
    def use(self, units):
        self.move(-units * UNIT_MICROS)

    @rule(micros=st.integers(1, 30_000_000))
    def pay(self, micros):
        self.move(micros)

    @rule(data=st.data(), asked=st.booleans())
    def to_an_edge(self, data, asked):
        """From wherever it is to where something changes, or a micro beside it; perhaps looked at without need."""
        edges = [edge for edge in self.paper.terms.edges if edge != self.paper.balance]
        self.move(data.draw(st.sampled_from(edges)) - self.paper.balance)
        self.books.asked |= asked
        self.look()

    @rule(data=st.data(), moves=st.integers(2, 8), dies=st.booleans())
    def to_several_edges_before_anybody_looks(self, data, moves, dies):
        for _ in range(moves):
            edges = [edge for edge in self.paper.terms.edges if edge != self.paper.balance]
            self.move_unseen(data.draw(st.sampled_from(edges)) - self.paper.balance)
        if dies:
            self.die()
        self.look()

    @rule(micros=st.sampled_from([-2, -1, 1, 2]))
    def a_micro_or_two(self, micros):
        self.move(micros)

    @rule(units=st.integers(1, 40))
    def die_in_a_look(self, units):
        self.move_unseen(-units * UNIT_MICROS)
        self.die()
        self.look()

    def die(self):
        self.books.dies = True
        with suppress(DiedBeforeItsCommit):
            watch_wallets(self.books, self.redis, now=self.now)
        self.books.dies = False

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours):
        self.paper.hour += hours
        self.look()

    @precondition(lambda self: self.paper.state == "grace")
    @rule(before=st.integers(0, 1))
    def time_passes_to_the_end_of_the_grace(self, before):
        self.paper.hour = max(self.paper.hour, self.paper.out_since + GRACE_HOURS - before)
        self.look()

    @rule(hours=st.integers(1, 40))
    def the_clock_steps_back(self, hours):
        self.paper.hour -= hours
        self.look()

    @rule()
    def look_again(self):
        """Asked for without need, which finds nothing new."""
        self.books.asked = True
        self.look()

    @invariant()
    def paper_and_looks_say_the_same(self):
        paper = self.paper
        assert self.books.standing.state == self.redis.status == paper.state
        assert [data["status"] for topic, data in self.books.told if topic == "account.status"] == paper.told
        alerts = [(hour(fired), micros, over and hour(over)) for fired, micros, over in self.books.alerts]
        assert alerts == [(one.hour, one.balance, one.over) for one in paper.warnings]
        told = [data["balance_micros"] for topic, data in self.books.told if topic == "wallet.alerts"]
        assert told == [one.balance for one in paper.warnings]
        assert self.books.floor == -paper.room_below


def hour(at):
    """Hours since the beginning."""
    return (at - START) // timedelta(hours=1)
