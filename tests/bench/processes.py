"""What each process of the path costs: CPU seconds by name between two moments, and how idle the cores were."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.installation import Worker

_ENGINES = {"java": "kafka", "redis-server": "redis", "clickhouse-server": "clickhouse", "clickhouse-serv": "clickhouse"}


@dataclass(frozen=True)
class Usage:
    """CPU seconds by process, and seconds of all cores together that nothing ran, over `seconds` of time."""

    seconds: float
    cpu_seconds: Mapping[str, float]
    idle_seconds: float

    def micros_per_event(self, events: int) -> dict[str, float]:
        """CPU microseconds an event costs each process, the dearest first."""
        costs = {name: used / events * 1e6 for name, used in self.cpu_seconds.items()}
        return dict(sorted(costs.items(), key=lambda item: -item[1]))

    def sentence(self, events: int) -> str:
        """Microseconds an event and share of a core by process, and what was idle."""
        costs = self.micros_per_event(events)
        parts = [f"{name} {cost:.1f} µs ({self.cpu_seconds[name] / self.seconds:.0%})" for name, cost in costs.items()]
        return f"CPU an event (share of a core): {', '.join(parts)}; {self.idle_share:.0%} of the cores idle"

    @property
    def idle_share(self) -> float:
        """Part of all cores' time in which nothing ran, 0 to 1."""
        return self.idle_seconds / (self.seconds * psutil.cpu_count())

    def first_to_saturate(self) -> str:
        """What keeps the rate from being higher, as far as the CPU tells."""
        name, used = max(self.cpu_seconds.items(), key=lambda item: item[1])
        if self.idle_share < 0.1:
            return "the cores"
        if used / self.seconds > 0.9:
            return f"{name}, which fills one core"
        return f"nothing: no process fills a core, and {self.idle_share:.0%} of the cores are idle"


class Meter:
    """Reads CPU times when made, and again when asked for the usage since."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = [worker.process.pid for worker in workers]
        self._began = time.monotonic()
        self._idle = _idle_seconds()
        self._before = self._read()

    def usage(self) -> Usage:
        """What was used since this meter was made."""
        used: Counter[str] = Counter()
        for process, (name, seconds) in self._read().items():
            used[name] += seconds - self._before.get(process, (name, 0.0))[1]
        return Usage(time.monotonic() - self._began, used, _idle_seconds() - self._idle)

    def _read(self) -> dict[int, tuple[str, float]]:
        backends, here = self._backends(), _network("self")
        found = {}
        for process in psutil.process_iter(["pid", "ppid", "name", "cmdline", "cpu_times"]):
            if _network(process.pid) != here:
                continue
            name, times = self._name(process.info, backends), process.info["cpu_times"]
            if name is not None and times is not None:
                found[process.pid] = (name, times.user + times.system)
        return found

    def _name(self, info: Mapping[str, object], backends: Mapping[int, str]) -> str | None:
        if info["pid"] in self._workers:
            return f"worker {self._workers.index(info['pid']) + 1}" if len(self._workers) > 1 else "worker"
        if info["ppid"] in self._workers:
            return "publisher"
        if info["name"] == "postgres":
            title = " ".join(info["cmdline"] or [])  # type: ignore[arg-type,call-overload]
            return next((name for port, name in backends.items() if f"({port})" in title), "postgresql, the rest")
        return _ENGINES.get(str(info["name"]))

    def _backends(self) -> dict[int, str]:
        """Client ports of the workers and their publishers, so that each one's PostgreSQL backend is known."""
        ports: dict[int, str] = {}
        for pid in self._workers:
            worker = psutil.Process(pid)
            ports |= dict.fromkeys(_client_ports(worker), "postgresql for workers")
            for child in worker.children():
                ports |= dict.fromkeys(_client_ports(child), "postgresql for publisher")
        return ports


def _network(process: int | str) -> str:
    """The network a process is in: engines of another one are somebody else's. Empty when it has ended."""
    try:
        return str(Path(f"/proc/{process}/ns/net").readlink())
    except OSError:
        return ""


def _client_ports(process: psutil.Process) -> list[int]:
    return [connection.laddr.port for connection in process.net_connections(kind="tcp") if connection.raddr]


def _idle_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.idle + times.iowait)
