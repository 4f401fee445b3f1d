"""The processes of a small world: workers and senders. They drive the real code step by step and may die at any.

A worker does what streams/meter_usage.py does: it prepares the next batch while one is booked, tells the balances,
acknowledges, and commits what was acknowledged. A sender runs streams/publisher.py's own loop.
"""

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

from connectors.kafka.usage_events import decode_records
from domain.errors import EngineUnavailable
from domain.metering import Partition
from invoicing.meter_usage import Batch
from invoicing.publish_usage import announce_next, warehouse_next
from invoicing.records import Record
from streams.balance_teller import BalanceTeller
from streams.publisher import Pace, _catch_up
from tests.builders_usage import WINDOW
from tests.simulation.acknowledgements import Acknowledgements

if TYPE_CHECKING:
    from tests.simulation.world import World

Steps = list[tuple[str, Callable[[], None]]]
_FETCH_RECORDS_MAX = 4
_PACE = Pace(seconds=0, events_first=6, events_max=6)


class Taken(NamedTuple):
    """A batch on its way: what is booked, and the fetches that are acknowledged then."""

    fetches: Sequence[Any]
    batch: Batch


class Worker:
    """One incarnation of a metering worker: what it knows dies with it."""

    def __init__(self, name: str, world: "World") -> None:
        self.name = name
        self.world = world
        self.store = world.new_store()
        self.metering = world.parts.metering(self.store, decode_records, WINDOW)
        self.teller = BalanceTeller(world.cache, lambda: world.seconds)
        self.acknowledgements = Acknowledgements()
        self.started = False
        self.generation = -1
        self.positions: dict[Partition, int] = {}
        self.line: Taken | None = None
        self.next: list[Taken] = []

    def steps(self, *, busy: bool) -> Steps:
        """What it can do now; `busy`: its booking thread is in the middle of a batch."""
        if not self.started:
            return [] if busy else [("starts", self.start)]
        steps: Steps = []
        if self.generation != self.world.log.generation:
            steps.append(("hears of the rebalance", self.hear))
        if not self.next and self._fetchable():
            steps.append(("fetches", self.fetch))
        if not busy and (self.line is not None or self.next):
            steps.append(("books", self.book))
        if self.acknowledgements.pending():
            steps.append(("commits offsets", self.commit_offsets))
        return steps

    def start(self) -> None:
        """Know what to rate with, and tell every balance."""
        try:
            self.metering.prepare([])
            self.teller.tell(self.store.all_balances())
        except EngineUnavailable:
            return
        self.started = True

    def hear(self) -> None:
        """Take over the partitions of the present generation, from where the group committed them."""
        log = self.world.log
        self.generation = log.generation
        self.acknowledgements.forget()
        self.positions = {
            partition: log.committed[partition] for partition, owner in log.owners.items() if owner == self.name
        }

    def fetch(self) -> None:
        """Take some fetches and prepare a batch of them, or two, of which the first may end within a fetch."""
        fetches: list[Any] = []
        records: list[Record] = []
        for partition in self._fetchable():
            for _ in range(self.world.dice.choice((0, 1, 1, 2))):
                position = self.positions[partition]
                size = self.world.dice.randint(1, _FETCH_RECORDS_MAX)
                found = self.world.log.records[partition][position : position + size]
                if found:
                    self.positions[partition] = position + len(found)
                    fetches.append(self.acknowledgements.hand_out(found))
                    records += found
        if fetches:
            cut = self.world.dice.choice((0, 0, 1)) and self.world.dice.randint(0, len(records) - 1)
            if cut:
                self.next.append(Taken([], self.metering.prepare(records[:cut])))
            self.next.append(Taken(fetches, self.metering.prepare(records[cut:])))

    def book(self) -> None:
        """Book a batch, tell the balances, acknowledge; an engine that does not answer is asked again later."""
        if self.line is None:
            self.line = self.next.pop(0)
        try:
            self.book_batch(self.line)
        except EngineUnavailable:
            return
        self.line = None

    def book_batch(self, taken: Taken) -> None:
        """One batch, from its transaction to its acknowledgement."""
        self.store.taken = taken.batch.records
        metered = self.metering.book(taken.batch)
        self.world.faults.step("between the commit and telling")
        self.teller.tell(metered.balances)
        self.world.faults.step("between telling and acknowledging")
        self.acknowledge(taken)

    def acknowledge(self, taken: Taken) -> None:
        """Say that these fetches are booked."""
        for fetch in taken.fetches:
            self.acknowledgements.acknowledge(fetch)
            self.world.faults.step("acknowledged a fetch")

    def commit_offsets(self) -> None:
        """Commit what was acknowledged; the broker may be silent, before or after."""
        offsets = self.acknowledgements.committable()
        try:
            self.world.faults.step("before committing offsets", engine="Kafka")
            self.world.log.commit(self.generation, offsets)
            self.world.faults.step("offsets committed, the answer on the way", engine="Kafka")
        except EngineUnavailable:
            return

    def _fetchable(self) -> list[Partition]:
        return [
            partition for partition, position in self.positions.items() if position < len(self.world.log.records[partition])
        ]


class Sender:
    """One incarnation of a publisher's thread for one destination."""

    def __init__(self, name: str, world: "World", destination: str) -> None:
        self.name = name
        self.world = world
        self.destination = destination
        self.outbox = world.new_outbox()

    def steps(self, *, busy: bool) -> Steps:
        """It can send when a batch lacks its mark."""
        batches = self.world.books.batches.values()
        marks = [batch.announced if self.destination == "topics" else batch.warehoused for batch in batches]
        return [] if busy or all(marks) else [("sends", self.send)]

    def send(self) -> None:
        """Send until everything has its mark, or an engine does not answer."""
        try:
            with redirect_stdout(io.StringIO()), self.outbox.hold(f"publish to {self.destination}") as held:
                if held:
                    _catch_up(Event(), self.destination, _PACE, self._next, certain=False)
        except EngineUnavailable:
            return

    def _next(self, events_max: int, certain: bool) -> int | None:
        world = self.world
        if self.destination == "topics":
            return announce_next(self.outbox, world.topics, events_max=events_max)
        return warehouse_next(self.outbox, world.warehouse, events_max=events_max, certain=certain)
