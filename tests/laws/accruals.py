"""Periods without usage of generated accounts, accrued on books in memory as on those in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.attribution import Account, RatingConfig
from domain.catalogue import Adjustment, Charge
from domain.metering import prepare, settle
from domain.rating.places import TotalKey
from domain.rating.rerating import BookedEvent, Books, Rerating
from domain.rating.running import Remembered, Total
from domain.rating.unused import unused_prices
from domain.rating.unused_books import BookedUnused, UnusedBooks, UnusedPart, unused_parts
from domain.rating.usage import Usage
from domain.usage import UsageEvent
from invoicing.recompute import positions as second
from invoicing.recompute.evidence import AccountFacts, Booked
from tests.builders_usage import a_received_event, an_origin
from tests.laws.catalogues import SEPTEMBER, Customer, instant
from tests.laws.two_raters import ALWAYS

OPENED = SEPTEMBER
"""When accounts were opened: from then on they bear what is due without usage."""


@dataclass
class MemoryBooks:
    """Running totals, positions and what is booked of periods without usage."""

    totals: dict[TotalKey, Total] = field(default_factory=dict)
    positions: dict[TotalKey, Total] = field(default_factory=dict)
    states: dict = field(default_factory=dict)
    values: set = field(default_factory=set)
    rated: list[UsageEvent] = field(default_factory=list)
    events: list[BookedEvent] = field(default_factory=list)
    _booked: dict[TotalKey, tuple[Charge, int]] = field(default_factory=dict)
    _made: dict[TotalKey, dict[TotalKey, tuple[int, Adjustment]]] = field(default_factory=dict)

    def rate(self, events: Sequence[UsageEvent], config: RatingConfig) -> None:
        """Rate one batch."""
        received = [
            a_received_event(event, origin=an_origin(number)) for number, event in enumerate(events, len(self.rated))
        ]
        remembered = Remembered(self.positions, self.states, self.values)
        settled = settle(prepare(received, config, ALWAYS), {}, self.totals, remembered=remembered)
        self.rated += [usage.received.event for usage in settled.rated]
        self.events += [_booked_event(usage) for usage in settled.rated]
        _add(self.totals, settled.running.added)
        _add(self.positions, settled.running.positions)
        self.states.update(settled.running.states)
        self.values.update(settled.running.values)

    def accrue(
        self, config: RatingConfig, customers: Sequence[Customer], paused: bool, *, now: datetime
    ) -> list[UnusedPart]:
        """Accrue every account, one after the other."""
        accrued = []
        for account, customer in zip(config.accounts.values(), customers, strict=True):
            parts = self.due(account, customer, paused, now=now)
            for one in parts:
                self._book(one)
            accrued += parts
        return accrued

    def rerate(self, config: RatingConfig) -> None:
        """Rate everything anew. Raises IllegalTransition for an event without a price."""
        rerating = Rerating(config)
        for _ in rerating.add(self.events):
            pass
        rerated = rerating.finish(Books(self.totals, self.positions, self.booked()))
        _add(self.totals, rerated.totals)
        _add(self.positions, rerated.positions)

    def due(self, account: Account, customer: Customer, paused: bool, *, now: datetime) -> list[UnusedPart]:
        """What accruing an account would book."""
        segments = [(max(instant(span.start) or OPENED, OPENED), instant(span.end)) for span in customer.plans]
        active = segments[:1] if paused else segments
        over = None if None in [end for _, end in segments] else max(end for _, end in segments if end is not None)
        prices = unused_prices(account, active, over=over, until=now)
        mine = {key: booked for key, booked in self.booked().items() if key.account_id == account.account_id}
        return unused_parts(account, [one for one in prices if one.due_at <= now], UnusedBooks(self.totals, mine))

    def booked(self) -> Mapping[TotalKey, BookedUnused]:
        """What is booked of periods without usage."""
        return {
            key: BookedUnused(charge, amount, [(one, its) for its, (_, one) in sorted(self._made_on(key), key=_number)])
            for key, (charge, amount) in self._booked.items()
            if amount
        }

    def for_the_second(self) -> Booked:
        """As the second rater is told."""
        return Booked(
            {second.TotalKey(*key): _running(total) for key, total in self.totals.items()},
            {second.PositionKey(*key): _running(total) for key, total in self.positions.items()},
            {},
            {},
        )

    def _made_on(self, key: TotalKey):
        return self._made.get(key, {}).items()

    def _book(self, one: UnusedPart) -> None:
        place, part = one.part.place, one.part
        added = Total(part.metered_millionths, part.amount_micros)
        _add(self.totals, {place.total_key: added})
        assert not place.has_position
        if one.number == 0:
            before = self._booked.get(one.of, (None, 0))[1]
            self._booked[one.of] = place.rate.charge, before + part.amount_micros
        else:
            self._made.setdefault(one.of, {})[place.total_key] = one.number, place.rate.adjustment


def facts_of(facts: Sequence[AccountFacts], *, paused: bool) -> list[AccountFacts]:
    """Accounts as the second rater is told, opened when they were, their second segment paused."""
    changed = []
    for account in facts:
        segments = [plan for plan in account.plans if plan.priority is None]
        plans = [plan._replace(paused=True) if paused and plan in segments[1:] else plan for plan in account.plans]
        changed.append(replace(account, plans=plans, opened_at=OPENED))
    return changed


def _booked_event(usage: Usage) -> BookedEvent:
    first = usage.place.usage[0]
    reported = usage.received.event.quantity_millionths
    metered = reported if usage.metered_millionths is None else usage.metered_millionths
    parts = {(first.charge_id, first.total_key.cell): Total(metered, usage.amount_micros, 1)}
    for part in usage.further:
        key = part.place.total_key
        parts[key.charge_id, key.cell] = Total(part.metered_millionths, part.amount_micros, part.place.event_count)
    return BookedEvent(usage.received, usage.account.account_id, parts)


def _number(made) -> int:
    return made[1][0]


def _add(totals: dict, added: Mapping) -> None:
    for key, more in added.items():
        total = totals.get(key, Total())
        totals[key] = Total(
            total.quantity_millionths + more.quantity_millionths,
            total.amount_micros + more.amount_micros,
            total.event_count + more.event_count,
        )


def _running(total: Total) -> second.Running:
    return second.Running(total.quantity_millionths, total.amount_micros, total.event_count)
