"""Re-rating: what has to be booked so that the books say what they would, had the present truth been the truth all along.

Some accounts' events are rated anew, from nothing and in the order they were booked in. An event whose parts go to other
running totals than before gives back its old parts and gets new ones; nothing is edited. Taking an event out of a total
moves the price of those that stay, as it is a function of them all: that difference is booked as a repricing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from domain.attribution import Account, RatingConfig
from domain.errors import BooksDoNotBalance, IllegalTransition
from domain.rating.places import StateKey, TotalKey, place_of
from domain.rating.running import RunningTotals, State, Total
from domain.rating.unused_books import Booked, bring_booked
from domain.rating.usage import measured
from domain.received_event import ReceivedEvent
from domain.usage import Refused


class Kind(StrEnum):
    """What a row of a re-rating is."""

    REVERSAL = "reversal"
    """An old part given back."""
    REPLACEMENT = "replacement"
    """A new part."""
    REPRICING = "repricing"
    """What the change of others did to a total; it counts no event."""


@dataclass(frozen=True, slots=True)
class BookedEvent:
    """A booked event with its parts as they stand, those given back left out. Of an adjustment, `event_count` is 0."""

    received: ReceivedEvent
    account_id: int
    parts: Mapping[tuple[int, str], Total]
    """By charge and price cell."""


class Row(NamedTuple):
    """A part to be booked with an event."""

    event: ReceivedEvent
    total_key: TotalKey
    quantity_millionths: int
    metered_millionths: int
    amount_micros: int
    event_count: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Books:
    """What is booked of some accounts in the months that are looked at, locked."""

    totals: Mapping[TotalKey, Total]
    positions: Mapping[TotalKey, Total]
    unused: Booked = field(default_factory=dict)
    """Prices of periods without usage, which came of no event."""


@dataclass(slots=True)
class Rerated:
    """What a re-rating books beside the rows of events that got other parts."""

    repricings: list[Row] = field(default_factory=list)
    totals: dict[TotalKey, Total] = field(default_factory=dict)
    """What is added to each running total."""
    positions: dict[TotalKey, Total] = field(default_factory=dict)
    debits: dict[int, int] = field(default_factory=dict)
    """Micros taken from each wallet, by wallet id; negative where it gets back."""
    states: Mapping[StateKey, State] = field(default_factory=dict)
    """All highest and latest values of what was looked at."""
    values: Mapping[bytes, StateKey] = field(default_factory=dict)
    """All distinct values of what was looked at: their digests, and what each is a value of."""
    touched: set[tuple[int, date]] = field(default_factory=set)
    """Accounts and months in which something is booked."""


class _Moved(NamedTuple):
    event: ReceivedEvent
    account: Account
    month: date
    before: Mapping[tuple[int, str], Total]
    after: Mapping[tuple[int, str], Total]


class Rerating:
    """Events rated anew from nothing, one after the other; they may come in several portions."""

    def __init__(self, config: RatingConfig) -> None:
        self._config = config
        self._running = RunningTotals()
        self._standing: dict[tuple[int, int, str], int] = defaultdict(int)
        """Events by account, charge and price cell, as their parts stand."""
        self._exchanged: dict[TotalKey, Total] = defaultdict(Total)
        self._carriers: dict[tuple[int, date], ReceivedEvent] = {}
        """Of each account and month the last event that moved, or the last one where none did."""
        self._carriers_of: dict[TotalKey, ReceivedEvent] = {}
        """The last event that was moved into or out of a running total."""
        self._moved_in: set[tuple[int, date]] = set()
        self._debits: dict[int, int] = defaultdict(int)
        self.events = 0
        """How many were looked at."""
        self.moved = 0
        """How many got other parts than they had."""
        self.unpriced = 0
        """How many of those are under no subscription any more, and cost nothing."""

    def add(self, events: Iterable[BookedEvent]) -> Iterator[Row]:
        """Rate some more; gives the parts that have to be given back and booked instead.

        Raises IllegalTransition for an event that could not be rated.
        """
        for booked in events:
            self.events += 1
            after = _rate(booked, self._config, self._running)
            for (charge_id, cell), part in booked.parts.items():
                self._standing[booked.account_id, charge_id, cell] += part.event_count
            account = self._config.accounts[booked.account_id]
            month = account.service_month(booked.received.event.time_micros)
            place = account.account_id, month
            if place not in self._moved_in:
                self._carriers[place] = booked.received
            # Which adjustments bring money depends on the order of events; which totals of usage they count in does not.
            if _counted(after) != _counted(booked.parts):
                self.moved += 1
                self.unpriced += not after
                self._moved_in.add(place)
                self._carriers[place] = booked.received
                for row in _exchange(_Moved(booked.received, account, month, booked.parts, after)):
                    self._exchanged[row.total_key] += Total(row.metered_millionths, row.amount_micros, row.event_count)
                    self._carriers_of[row.total_key] = booked.received
                    self._debit(row)
                    yield row

    def misses(self, books: Books) -> bool:
        """Whether the books count events that were not added."""
        counted: dict[tuple[int, int, str], int] = defaultdict(int)
        for key, total in books.totals.items():
            counted[key.account_id, key.charge_id, key.cell] += total.event_count
        return any(counted[key] != self._standing[key] for key in {*counted, *self._standing})

    def finish(self, books: Books) -> Rerated:
        """Say what has to be booked beside the rows. The events are all those of the totals and positions of `books`.

        Raises BooksDoNotBalance when totals differ although no event moved.
        """
        for key, booked in sorted(books.unused.items()):
            bring_booked(self._config.accounts[key.account_id], key, booked, self._running, sign=1)
        rerated = Rerated(self._reprice(books), states=self._running.states, values=self._running.values)
        rerated.totals = _missing(self._running.added, books.totals)
        rerated.positions = _missing(self._running.positions, books.positions)
        for row in rerated.repricings:
            self._debit(row)
        rerated.debits = dict(self._debits)
        for key in [*self._exchanged, *(row.total_key for row in rerated.repricings)]:
            rerated.touched.add((key.account_id, key.service_month))
        return rerated

    def _debit(self, row: Row) -> None:
        """Who pays for an event pays for its parts, and for the repricings it carries."""
        account = self._config.accounts[row.total_key.account_id]
        event = row.event.event
        self._debits[account.wallet_for(event.meter, event.properties)] += row.amount_micros

    def _reprice(self, books: Books) -> list[Row]:
        """What each total lacks, with the last event that moved into or out of it, else one of its account and month."""
        rows = []
        nothing = Total()
        # What moves in one month moves others only where a price goes on over several, or over several accounts.
        is_wide = bool(self.moved and (self._running.positions or books.positions))
        for key in sorted({*self._running.added, *books.totals}):
            booked = books.totals.get(key, nothing) + self._exchanged.get(key, nothing)
            lacking = _difference(self._running.added.get(key, nothing), booked)
            if lacking == nothing:
                continue
            carrier = self._carriers_of.get(key)
            place = key.account_id, key.service_month
            if carrier is None and (is_wide or place in self._moved_in):
                carrier = self._carriers.get(place)
            if carrier is None or lacking.event_count:
                raise BooksDoNotBalance(
                    f"the total of charge {key.charge_id}, price {key.cell!r}, of {key.service_month:%Y-%m} is not what its"
                    " events come to, and no event moved: `billing recompute` shows what differs"
                )
            rows.append(Row(carrier, key, 0, lacking.quantity_millionths, lacking.amount_micros, 0, Kind.REPRICING))
        return rows


def _rate(booked: BookedEvent, config: RatingConfig, running: RunningTotals) -> dict[tuple[int, str], Total]:
    """The parts of an event by the present truth; none when no subscription covers it."""
    event = booked.received.event
    account = config.accounts[booked.account_id]
    plan = account.plan_at(event.time_micros)
    if plan is None:
        return {}
    rates = plan.rates_for(event.meter, event.properties)
    if rates is None:
        raise IllegalTransition(
            f"event {event.id!r} of {event.source} has no price in {plan.label}: it needs a charge for {event.meter!r} first"
        )
    try:
        usage = measured(booked.received, place_of(account, rates, time_micros=event.time_micros))
    except Refused as refused:
        raise IllegalTransition(
            f"event {event.id!r} of {event.source} cannot be rated by {plan.label}: {refused}"
        ) from refused
    running.rate(usage)
    first = usage.place.usage[0]
    metered = event.quantity_millionths if usage.metered_millionths is None else usage.metered_millionths
    parts = {(first.charge_id, first.total_key.cell): Total(metered, usage.amount_micros, first.event_count)}
    for part in usage.further:
        key = part.place.total_key
        parts[key.charge_id, key.cell] = Total(part.metered_millionths, part.amount_micros, part.place.event_count)
    return parts


def _counted(parts: Mapping[tuple[int, str], Total]) -> set[tuple[int, str]]:
    return {key for key, part in parts.items() if part.event_count}


def _exchange(moved: _Moved) -> Iterator[Row]:
    """Give back the parts an event has no more, and book those it has not had."""
    for (charge_id, cell), part in moved.before.items():
        if (charge_id, cell) not in moved.after:
            key = TotalKey(moved.account.account_id, moved.month, charge_id, cell)
            yield _row(moved.event, key, part, sign=-1, kind=Kind.REVERSAL)
    for (charge_id, cell), part in moved.after.items():
        if (charge_id, cell) not in moved.before:
            key = TotalKey(moved.account.account_id, moved.month, charge_id, cell)
            yield _row(moved.event, key, part, sign=1, kind=Kind.REPLACEMENT)


def _row(event: ReceivedEvent, key: TotalKey, part: Total, *, sign: int, kind: Kind) -> Row:
    quantity = event.event.quantity_millionths
    return Row(
        event,
        key,
        sign * quantity,
        sign * part.quantity_millionths,
        sign * part.amount_micros,
        sign * part.event_count,
        kind,
    )


def _missing(target: Mapping[TotalKey, Total], booked: Mapping[TotalKey, Total]) -> dict[TotalKey, Total]:
    """What has to be added to what is booked, key by key; nothing where nothing is missing."""
    missing = {key: _difference(target.get(key, Total()), booked.get(key, Total())) for key in {*target, *booked}}
    return {key: added for key, added in missing.items() if added != Total()}


def _difference(target: Total, booked: Total) -> Total:
    return Total(
        target.quantity_millionths - booked.quantity_millionths,
        target.amount_micros - booked.amount_micros,
        target.event_count - booked.event_count,
    )
