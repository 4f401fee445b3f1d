"""The workers of a drill: started, killed, stopped and started anew, as a supervisor would that sees everything."""

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from tests.installation import Installation, Worker

_DRAIN_SECONDS = 120
"""While Kafka is away, its publisher and watcher end only after their records have timed out, and Faust after its own."""
_LOOK_SECONDS = 0.5
_REFUSES_TO_START = "the metering worker does not start"
_ENDS_WITHIN_SECONDS = 45
"""A publisher whose worker is gone finishes its sending first: at most the 30 s it waits for Kafka, and some."""


@dataclass(frozen=True)
class Death:
    """A worker that ended without being told to."""

    name: str
    exit_code: int
    last_lines: list[str]


@dataclass
class Crew:
    """Workers by number; number n serves its pages on the port n above the installation's.

    A thread looks after them: one that ends by itself is noted and started anew, as supervisord does.
    """

    installation: Installation
    deaths: list[Death] = field(default_factory=list)
    slow_ends: list[str] = field(default_factory=list)
    """Workers that did not end in time after SIGTERM and were killed."""

    def __post_init__(self) -> None:
        self._workers: dict[int, Worker] = {}
        self._stopped: set[int] = set()
        self._started: Counter[int] = Counter()
        self._redelivered: dict[int, float] = {}
        self._everyone: list[int] = []
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look_after, name="crew")

    def start(self, number: int) -> None:
        """Start a worker unless it runs; does not wait for it."""
        with self._lock:
            if number not in self._workers:
                self._keep_log(number)
                worker = self.installation.start_worker(port=self.installation.worker_port + number)
                self._workers[number] = worker
                self._everyone.append(worker.process.pid)
            if not self._watch.is_alive():
                self._watch.start()

    def wait_until_ready(self, number: int) -> None:
        """Wait until a worker has partitions."""
        self._worker(number).wait_until_ready()

    def process_id(self, number: int) -> int:
        """The process id of a worker: with the host's name, how the books call it."""
        return self._worker(number).process.pid

    def kill(self, number: int) -> None:
        """SIGKILL. Its publisher is left alone, as it would be."""
        self._scrape()
        with self._lock:
            self._stopped.discard(number)
            self._workers.pop(number).kill()

    def end(self, number: int) -> None:
        """SIGTERM, and wait until it has drained."""
        with self._lock:
            worker = self._workers.pop(number)
        self._count(worker)
        code = worker.stop(seconds=_DRAIN_SECONDS)
        # A worker that is still loading its modules ends by the signal itself, with nothing to drain.
        if code in (0, -signal.SIGTERM):
            return
        death = _death(number, worker, code)
        if any(_REFUSES_TO_START in line for line in death.last_lines):
            # It was on its way to end before it was told to: an engine was dead when it began.
            self.deaths.append(death)
        else:
            self.slow_ends.append(f"worker {number} ended with {code} after SIGTERM: {worker.log.name}")

    def stop(self, number: int) -> None:
        """SIGSTOP: it stands still, holding whatever it holds."""
        with self._lock:
            self._stopped.add(number)
            self._workers[number].process.send_signal(signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        """SIGCONT."""
        with self._lock:
            self._stopped.discard(number)
            if number in self._workers:
                self._workers[number].process.send_signal(signal.SIGCONT)

    def disband(self) -> None:
        """End every worker and the thread that looks after them."""
        self._ended.set()
        if self._watch.is_alive():
            self._watch.join()
        for number in list(self._workers):
            self.go_on(number)
            self.end(number)

    def redelivered(self) -> int:
        """Records met again after they were booked, as far as the workers lived to tell."""
        return int(sum(self._redelivered.values()))

    def left_behind(self) -> list[str]:
        """Processes of dead workers that have not ended in time; they are killed then."""
        alive = {worker.process.pid for worker in self._workers.values()}
        deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
        while (left := self._orphans(alive)) and time.monotonic() < deadline:
            time.sleep(0.5)
        for process in left:
            process.kill()
        return [f"process {process.pid}" for process in left]

    def _worker(self, number: int) -> Worker:
        # Under the lock, because one that ended by itself is not there until it is started anew.
        with self._lock:
            return self._workers[number]

    def _orphans(self, alive: set[int]) -> list[psutil.Process]:
        # A worker leads a session of its own, and its publisher keeps that session's number.
        dead = set(self._everyone) - alive
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) in dead and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.Error):
                continue
        return found

    def _look_after(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._scrape()
            with self._lock:
                for number, worker in list(self._workers.items()):
                    code = worker.process.poll()
                    if code is not None:
                        del self._workers[number]
                        self.deaths.append(_death(number, worker, code))
                        self.start(number)

    def _scrape(self) -> None:
        with self._lock:
            workers = [worker for number, worker in self._workers.items() if number not in self._stopped]
        for worker in workers:
            self._count(worker)

    def _count(self, worker: Worker) -> None:
        met_again = worker.metric("billing_records_redelivered_total")
        if met_again:
            self._redelivered[worker.process.pid] = met_again

    def _keep_log(self, number: int) -> None:
        """Each life of a worker has a log of its own."""
        port = self.installation.worker_port + number
        log = self.installation.log_folder / f"worker-{port}.log"
        self._started[number] += 1
        if log.exists():
            log.rename(log.with_name(f"worker-{port}-{self._started[number]:03d}.log"))


def _death(number: int, worker: Worker, code: int) -> Death:
    return Death(f"worker {number}", code, worker.log.read_text(errors="replace").splitlines()[-12:])
