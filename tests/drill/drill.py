"""One drill from beginning to end: engines, accounts, workers, load, faults, quiet, verdict."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.drill import plan, standstill, verdict, world
from tests.drill.crew import Crew
from tests.drill.engines import Engines
from tests.drill.expected import Expected
from tests.drill.faults import Script
from tests.drill.load import Load
from tests.drill.operator import Operator
from tests.drill.wallets.cast import Cast, WalletFigures
from tests.installation import Installation, wait_until

_QUIET_SECONDS = 300
_TAIL_SECONDS = 3.0
_UNPUBLISHED = "SELECT count(*) FROM batch WHERE announced_at IS NULL OR warehoused_at IS NULL"
_WAITING = "SELECT count(*) FROM quarantined_event WHERE sent_at IS NULL"
_UNSEEN = "SELECT count(*) FROM wallet_look"
_PROGRESS = "SELECT partition, next_offset FROM partition_progress WHERE topic = %s"
_RECEIVED_TOPICS = ("usage.events", "payment.events")


@dataclass
class Report:
    """What a drill did and found; `differences` is empty when nothing was lost, doubled or left untold."""

    seed: int
    load_seconds: float = 0.0
    kills: int = 0
    faults_by_kind: dict[str, int] = field(default_factory=dict)
    records_sent: int = 0
    events_sent: int = 0
    lost: int = 0
    doubled: int = 0
    redelivered_records: int = 0
    announced_again: int = 0
    warehoused_again: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    worst_stall_seconds: dict[str, float] = field(default_factory=dict)
    worst_stall_of_a_partition_seconds: dict[str, float] = field(default_factory=dict)
    worst_take_over_seconds: float = 0.0
    """After a SIGKILL, whatever else was down at the time."""
    worst_undisturbed_take_over_seconds: float | None = None
    """After a SIGKILL with nothing else down; None when there was no such kill."""
    quiet_after_seconds: float = 0.0
    """From the last event sent until everything was booked, published and told."""
    worker_deaths: list[dict[str, Any]] = field(default_factory=list)
    repeated_commands: int = 0
    wallets: WalletFigures = field(default_factory=WalletFigures)
    differences: list[str] = field(default_factory=list)
    ok: bool = False


def run(*, seed: int, faults: Sequence[plan.Fault], seconds: float, events_per_second: float) -> Report:
    """Drill, on engines that are started for it and stopped after it; the load runs at least this long."""
    with Engines() as engines:
        installation = Installation("drill", redis_db=0, worker_port=16090, engines=engines.variables())
        for log in installation.log_folder.glob("worker-*.log"):
            log.unlink()
        installation.create()
        world.open_accounts(installation)
        with Cast(installation, seed) as cast:
            drill = _Drill(installation, engines, Report(seed), Load(installation, seed, events_per_second), cast)
            return drill.run(faults, seconds)


@dataclass
class _Drill:
    installation: Installation
    engines: Engines
    report: Report
    load: Load
    cast: Cast

    def __post_init__(self) -> None:
        self.crew = Crew(self.installation)
        self.script = Script(self.engines, self.crew, self.cast.notifiers)

    def run(self, faults: Sequence[plan.Fault], seconds: float) -> Report:
        for worker in plan.WORKERS:
            self.crew.start(worker)
        self.cast.notifiers.start_all()
        try:
            for worker in plan.WORKERS:
                self.crew.wait_until_ready(worker)
            # A threshold is crossed from where a look saw the balance above it.
            wait_until(lambda: self.installation.query(_UNSEEN) == [(0,)], "every wallet was looked at once")
            began_at, ended_at = self._under_load(faults, seconds)
            self._quiet(ended_at)
            self._judge()
            self._measure(began_at, ended_at)
        finally:
            self.crew.disband()
        self.report.differences += [f"{left} outlived its worker" for left in self.crew.left_behind()]
        self.report.differences += self.crew.slow_ends
        self.report.ok = not self.report.differences
        return self.report

    def _under_load(self, faults: Sequence[plan.Fault], seconds: float) -> tuple[float, float]:
        operator = Operator(self.installation, seconds / len(world.LATE_ALIASES))
        began, began_at = time.monotonic(), time.time()
        self.load.start()
        operator.start()
        self.cast.start()
        try:
            self.script.carry_out(faults)
            time.sleep(max(_TAIL_SECONDS, began + seconds - time.monotonic()))
        finally:
            ended_at = time.time()
            self.load.stop()
            self.cast.make_no_more()
            operator.stop()
        wait_until(lambda: self._booked(), "everything sent is booked", seconds=_QUIET_SECONDS)
        operator.release()
        self.cast.end()
        self.report.repeated_commands = len(operator.complaints)
        self.report.load_seconds = round(ended_at - began_at, 1)
        return began_at, ended_at

    def _quiet(self, ended_at: float) -> None:
        """Wait until nothing is on its way; what then still differs is told by the verdict."""
        waits = ["something"]

        def quiet() -> bool:
            waits[0] = self._waits_for() or ""
            return not waits[0]

        try:
            wait_until(quiet, "everything is booked, published and told", seconds=_QUIET_SECONDS, pause_seconds=0.5)
        except AssertionError as error:
            self.report.differences.append(f"{error}: {waits[0]}")
        self.report.quiet_after_seconds = round(time.time() - ended_at, 1)
        self.cast.gateway.stop()

    def _waits_for(self) -> str | None:
        installation = self.installation
        if not self._booked():
            return "records wait to be booked"
        if installation.query(_WAITING) != [(0,)]:
            return "events wait in quarantine"
        if installation.query(_UNPUBLISHED) != [(0,)]:
            return "batches wait to be published"
        if verdict.stale_balances(installation):
            return "balances wait to be told to Redis"
        return self.cast.waits_for()

    def _booked(self) -> bool:
        for topic in _RECEIVED_TOPICS:
            ends = {number: end for number, end in verdict.records_in(self.installation, topic).items() if end}
            if dict(self.installation.query(_PROGRESS, self.installation.topic(topic))) != ends:
                return False
        return True

    def _judge(self) -> None:
        report, log = self.report, [*self.load.log, *self.cast.usage_log]
        found = verdict.Verdict()
        report.wallets, paper = self.cast.judge(self.script.happened, found)
        expected = Expected(log, credited=paper.credited())
        verdict.compare(self.installation, expected, records_sent=len(log), payments=paper.payments.outcomes, verdict=found)
        report.records_sent, report.events_sent = len(log), expected.events
        report.lost, report.doubled, report.outcomes = found.lost, found.doubled, found.outcomes
        report.announced_again, report.warehoused_again = found.announced_again, found.warehoused_again
        report.differences += found.differences
        refused = {*self.load.refused, *self.cast.refused}
        report.differences += [f"the broker refused a record: {reason}" for reason in sorted(refused)]

    def _measure(self, began_at: float, ended_at: float) -> None:
        report, happened = self.report, self.script.happened
        booking = [fault for fault in happened if fault.kind in plan.BOOKING]
        still = standstill.measure(self.installation, booking, began_at=began_at, ended_at=ended_at)
        report.worst_stall_seconds = still.by_cause
        report.worst_stall_of_a_partition_seconds = still.of_a_partition_by_cause
        report.worst_take_over_seconds = max(still.take_overs, default=0.0)
        report.worst_undisturbed_take_over_seconds = max(still.undisturbed_take_overs, default=None)
        report.faults_by_kind = dict(Counter(fault.kind.value for fault in happened))
        report.kills = sum(fault.kind in plan.KILLS for fault in happened)
        report.redelivered_records = self.crew.redelivered()
        report.worker_deaths = [asdict(death) for death in self.crew.deaths]
