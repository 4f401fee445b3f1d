"""Doing what the plan says: each fault in a thread of its own, one at a time for each target."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.drill.crew import Crew
from tests.drill.engines import Engines
from tests.drill.plan import ENGINE_OF, OF_NOTIFIERS, OF_WATCHERS, Fault, Kind
from tests.drill.wallets.notifiers import Notifiers
from tests.drill.watchers import NoWatcher, Watchers

_OF_WORKERS = frozenset(Kind) - ENGINE_OF.keys() - OF_WATCHERS - OF_NOTIFIERS - {Kind.REBALANCE}


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
    notifiers: Notifiers
    happened: list[Happened] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._watchers = Watchers(self.crew)
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
            process_id = self.crew.process_id(fault.target) if fault.kind in _OF_WORKERS else 0
            began = time.time()
            _say(fault)
            if fault.kind in ENGINE_OF:
                self._kill_engine(ENGINE_OF[fault.kind], fault.lasting_seconds)
            elif not self._befall_process(fault.kind, int(str(fault.target).split()[-1]), fault.lasting_seconds):
                return
            self.happened.append(Happened(fault.kind, fault.target, began, time.time(), process_id))

    def _kill_engine(self, name: str, lasting_seconds: float) -> None:
        self.engines.kill(name)
        time.sleep(lasting_seconds)
        self.engines.revive(name)

    def _befall_process(self, kind: Kind, number: int, lasting_seconds: float) -> bool:
        """Whether there was anything to do it to."""
        begin, end = {
            Kind.WORKER_SIGKILL: (self.crew.kill, self.crew.start),
            Kind.WORKER_SIGTERM: (self.crew.end, self.crew.start),
            Kind.WORKER_SIGSTOP: (self.crew.stop, self.crew.go_on),
            Kind.REBALANCE: (self.crew.start, self.crew.end),
            Kind.WATCHER_SIGKILL: (self._watchers.kill, _nothing),
            Kind.WATCHER_SIGTERM: (self._watchers.ask_to_end, _nothing),
            Kind.WATCHER_SIGSTOP: (self._watchers.stop, self._watchers.go_on),
            Kind.NOTIFIER_SIGKILL: (self.notifiers.kill, self.notifiers.start),
            Kind.NOTIFIER_SIGTERM: (self.notifiers.end, self.notifiers.start),
            Kind.NOTIFIER_SIGSTOP: (self.notifiers.stop, self.notifiers.go_on),
        }[kind]
        try:
            begin(number)
        except NoWatcher as nothing:
            print(f"  {nothing}: {kind.value} is left out", flush=True)
            return False
        time.sleep(lasting_seconds)
        end(number)
        return True


def _nothing(_number: int) -> None:
    """Whose watcher was killed starts another by itself."""


def _say(fault: Fault) -> None:
    print(f"  {fault.at_seconds:6.1f} s  {fault.kind.value} {fault.target} for {fault.lasting_seconds:.1f} s", flush=True)
