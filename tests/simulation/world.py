"""A small world: two workers, two partitions, three accounts, some tens of events, and a seed that decides everything."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from invoicing.meter_usage import MeterUsage
from invoicing.metering_ports import Balance
from tests.simulation.books import Books, MemoryMeteringStore
from tests.simulation.engines import Log, MemoryCache, MemoryOutbox, MemoryTopics, MemoryWarehouse
from tests.simulation.faults import RATES, Crash, Faults
from tests.simulation.load import Sent, two_days
from tests.simulation.processes import Sender, Worker
from tests.simulation.terms import ACCOUNTS, CONFIGS, wallet_ids

PARTITIONS = 2
_STEPS_MAX = 600
_DRAIN_ROUNDS_MAX = 300
_NESTED_MAX = 3

Process = Worker | Sender


class Difference(Exception):
    """The books are not what they must be."""


@dataclass(frozen=True)
class Parts:
    """What a world is made of; a test plants a fault by replacing one."""

    store: Callable[..., MemoryMeteringStore] = MemoryMeteringStore
    worker: Callable[..., Worker] = Worker
    outbox: Callable[..., MemoryOutbox] = MemoryOutbox
    cache: Callable[..., MemoryCache] = MemoryCache
    metering: Callable[..., MeterUsage] = MeterUsage


class World:
    """Runs one seed: trouble first, then a drain. `trace` is what happened, line by line."""

    def __init__(self, seed: int, parts: Parts) -> None:
        self.parts = parts
        self.trace: list[str] = []
        self.dice = random.Random(seed)
        self.faults = Faults(self.dice, self.dice.choice(RATES), self.trace.append)
        self.faults.meanwhile = self._meanwhile
        self.seconds = 0.0
        wallets = {}
        for number, (code, (_, opening)) in enumerate(ACCOUNTS.items(), 1):
            own, *further = wallet_ids(number, code).values()
            wallets[own] = Balance(own, number, opening, 0)
            wallets |= {wallet_id: Balance(wallet_id, wallet_id, 0, 0) for wallet_id in further}
        self.books = Books(CONFIGS[0], wallets)
        self.log = Log(PARTITIONS)
        self.cache = parts.cache(self.faults)
        self.warehouse = MemoryWarehouse(self.faults)
        self.topics = MemoryTopics(self.faults)
        self.to_send, self.next_day = two_days(self.dice, partitions=PARTITIONS)
        self.configs = list(CONFIGS[1:])
        self._births = 0
        self._busy: list[str] = []
        self.processes: dict[str, Process] = {}
        for slot in ("worker-1", "worker-2", "topics-1", "topics-2", "clickhouse-1", "clickhouse-2"):
            self._start(slot)
        self.rebalance()

    def new_store(self) -> MemoryMeteringStore:
        return self.parts.store(self.books, self.faults)

    def new_outbox(self) -> MemoryOutbox:
        return self.parts.outbox(self.books, self.faults)

    def run(self, check: Callable[["World"], None]) -> None:
        """Live through the trouble, then drain. `check` is called after every step; it raises Difference."""
        for _ in range(_STEPS_MAX):
            self._something_happens()
            check(self)
            if not (self.to_send or self.next_day) and self.dice.random() < 0.03:
                break
        self.faults.silent = True
        self._drain(check)
        self.to_send += self.next_day
        self.next_day = []
        self._drain(check)
        # A balance the cache missed is told with the next batch, so each worker gets one more.
        self.to_send += [Sent(partition, b"the last record", 0) for partition in range(PARTITIONS)]
        self._drain(check)

    def rebalance(self, *, evenly: bool = False) -> None:
        """Give the partitions to workers anew."""
        names = [process.name for process in self.processes.values() if isinstance(process, Worker)]
        owners = names[:PARTITIONS] if evenly else self.dice.choices(names, k=PARTITIONS)
        self.trace.append(f"rebalance: {', '.join(owners)}")
        self.log.rebalance(owners)

    def _start(self, slot: str) -> None:
        kind = slot.split("-", maxsplit=1)[0]
        self._births += 1
        name = f"{slot}.{self._births}"
        self.processes[slot] = self.parts.worker(name, self) if kind == "worker" else Sender(name, self, kind)

    def _something_happens(self) -> None:
        chance = self.dice.random()
        self.seconds += 0.3
        if chance < 0.2 and self._send():
            return
        if chance > 0.97:
            self.rebalance()
        elif chance > 0.955 and self.configs and self.books.change(self.configs[0]):
            self.trace.append(f"configuration {self.configs.pop(0).version}")
        else:
            self._a_process_steps()

    def _send(self) -> bool:
        if not self.to_send and self.next_day and self._all_booked():
            self.trace.append("a day passes")
            self.to_send, self.next_day = self.next_day, []
        if not self.to_send:
            return False
        sent = self.to_send.pop(0)
        # A producer that lost its acknowledgement sends the record again.
        for _ in range(2 if self.faults.chance(0.05) else 1):
            self.log.append(sent)
        return True

    def _all_booked(self) -> bool:
        return all(self.books.next_offsets.get(name, 0) == len(kept) for name, kept in self.log.records.items())

    def _meanwhile(self) -> None:
        """While one process stands still in the middle of a step, others go on; so does its own other thread."""
        if len(self._busy) >= _NESTED_MAX:
            return
        for _ in range(self.dice.randint(1, 8)):
            self._something_happens()

    def _a_process_steps(self) -> None:
        innermost = self._busy[-1] if self._busy else None
        slots = [slot for slot in self.processes if slot not in self._busy or slot == innermost]
        slot = self.dice.choice(slots)
        steps = self.processes[slot].steps(busy=slot in self._busy)
        if steps:
            self._perform(slot, *self.dice.choice(steps))

    def _perform(self, slot: str, name: str, step: Callable[[], None]) -> None:
        process = self.processes[slot]
        self.trace.append(f"{'  ' * len(self._busy)}{process.name} {name}")
        thread_of_another = slot in self._busy
        self._busy.append(slot)
        try:
            step()
        except Crash:
            if thread_of_another:
                raise
            self._start(slot)
        finally:
            self._busy.pop()

    def _drain(self, check: Callable[["World"], None]) -> None:
        self.rebalance(evenly=True)
        while self.to_send:
            self._send()
        for _ in range(_DRAIN_ROUNDS_MAX):
            self.seconds += 3
            idle = True
            for slot, process in self.processes.items():
                for name, step in process.steps(busy=False):
                    idle = False
                    self._perform(slot, name, step)
                    check(self)
            if idle:
                return
        raise Difference(f"the world does not come to rest in {_DRAIN_ROUNDS_MAX} rounds")
