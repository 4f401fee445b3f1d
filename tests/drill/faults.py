"""Doing what the plan says: each fault in a thread of its own, one at a time for each target."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.drill.crew import Crew
from tests.drill.engines import Engines
from tests.drill.plan import ENGINE_OF, Fault, Kind


@dataclass(frozen=True)
class Happened:
    """A fault that was done: wall-clock seconds of its beginning and of when everything was given back."""

    kind: Kind
    target: str | int
    began_at: float
    ended_at: float
    process_id: int = 0
    """Of the worker it befell."""


@dataclass
class Script:
    """A plan being carried out."""

    engines: Engines
    crew: Crew
    happened: list[Happened] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._one_at_a_time: dict[str | int, threading.Lock] = defaultdict(threading.Lock)

    def carry_out(self, faults: Sequence[Fault]) -> None:
        """Do every fault at its time; returns when the last one is over. Raises what went wrong while doing them."""
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=len(faults) or 1) as pool:
            doing: list[Future[None]] = []
            for fault in faults:
                time.sleep(max(0.0, began + fault.at_seconds - time.monotonic()))
                doing.append(pool.submit(self._do, fault))
        for done in doing:
            done.result()

    def _do(self, fault: Fault) -> None:
        with self._one_at_a_time[fault.target]:
            process_id = 0 if fault.kind in ENGINE_OF or fault.kind is Kind.REBALANCE else self.crew.process_id(fault.target)
            began = time.time()
            _say(fault)
            if fault.kind in ENGINE_OF:
                self._kill_engine(ENGINE_OF[fault.kind], fault.lasting_seconds)
            else:
                self._befall_worker(fault.kind, int(fault.target), fault.lasting_seconds)
            self.happened.append(Happened(fault.kind, fault.target, began, time.time(), process_id))

    def _kill_engine(self, name: str, lasting_seconds: float) -> None:
        self.engines.kill(name)
        time.sleep(lasting_seconds)
        self.engines.revive(name)

    def _befall_worker(self, kind: Kind, number: int, lasting_seconds: float) -> None:
        begin, end = {
            Kind.WORKER_SIGKILL: (self.crew.kill, self.crew.start),
            Kind.WORKER_SIGTERM: (self.crew.end, self.crew.start),
            Kind.WORKER_SIGSTOP: (self.crew.stop, self.crew.go_on),
            Kind.REBALANCE: (self.crew.start, self.crew.end),
        }[kind]
        begin(number)
        time.sleep(lasting_seconds)
        end(number)


def _say(fault: Fault) -> None:
    print(f"  {fault.at_seconds:6.1f} s  {fault.kind.value} {fault.target} for {fault.lasting_seconds:.1f} s", flush=True)
