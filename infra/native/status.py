"""What runs: one row for each program, with its health, memory and uptime."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import psutil
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.native import supervision
from infra.native.health import complaint
from infra.native.services import ENGINES, SERVICES, Service
from infra.native.stack import Stack, StackError

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One program: `state` is healthy, starting, unhealthy, crashed or stopped; `memory_mb` is its PSS."""

    program: str
    state: str
    pid: int
    ports: list[int]
    memory_mb: int
    uptime_seconds: int
    reason: str

    @property
    def wrong(self) -> bool:
        """Whether it should run and does not, or does not work."""
        return self.state in {"crashed", "unhealthy"}


def status(stack: Stack) -> list[Row]:
    """Every program of the instance, in starting order."""
    found = supervision.processes(stack)
    services = [service for service in SERVICES.values() if stack.own_engines or service.name not in ENGINES]
    running = [s for s in services if any(p in found and found[p].alive for p in s.programs)]
    with ThreadPoolExecutor(max_workers=len(SERVICES)) as pool:
        reasons = dict(zip((s.name for s in running), pool.map(lambda s: _reason(stack, s), running), strict=True))
    died = supervision.supervisor_died(stack)
    return [
        _row(stack, service, program, found.get(program), reasons.get(service.name, ""), supervisor_died=died)
        for service in services
        for program in service.programs
    ]


def print_status(rows: Iterable[Row], *, title: str) -> None:
    """Print the rows as a table, and under it a sentence for each that is not well."""
    rows = list(rows)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("service", "state", "pid", "port", "MB", "uptime"):
        table.add_column(heading, justify="right" if heading in {"pid", "MB", "uptime"} else "left")
    colours = {"healthy": "green", "starting": "yellow", "stopped": "dim"}
    for row in rows:
        table.add_row(
            row.program,
            f"[{colours.get(row.state, 'red')}]{row.state}",
            str(row.pid or ""),
            " ".join(map(str, row.ports)),
            str(row.memory_mb or ""),
            _clock(row.uptime_seconds) if row.pid else "",
        )
    table.add_section()
    table.add_row("together", "", "", "", str(sum(row.memory_mb for row in rows)), "")
    console = Console(highlight=False)
    console.print(table)
    for row in rows:
        if row.reason:
            console.print(f"[red]{row.program}[/red] {escape(row.reason)}", soft_wrap=True)


def as_json(rows: Iterable[Row]) -> list[dict[str, object]]:
    """The rows as plain values."""
    return [asdict(row) for row in rows]


def _row(
    stack: Stack,
    service: Service,
    program: str,
    process: supervision.Process | None,
    reason: str,
    *,
    supervisor_died: bool,
) -> Row:
    if process is None or not process.alive:
        crashed = supervisor_died or (process is not None and process.crashed)
        why = "lost its supervisor, which was killed: `make up` starts both again" if supervisor_died else ""
        if process is not None and process.crashed:
            how = "was killed" if process.exit_status < 0 else f"ended with {process.exit_status}"
            why = f"{how}: `make logs s={program}` shows its last words"
        return Row(program, "crashed" if crashed else "stopped", 0, [], 0, 0, why)
    state = "healthy"
    if reason:
        state = "starting" if process.state == "STARTING" else "unhealthy"
        reason = f"does not answer as it should: {reason}"
    ports = [int(stack.settings[name]) for name in service.ports] if program == service.programs[0] else []
    return Row(program, state, process.pid, ports, _memory_mb(process.pid), process.uptime_seconds, reason)


def _reason(stack: Stack, service: Service) -> str:
    try:
        return complaint(stack, service) or ""
    except StackError as error:
        return str(error)


def _memory_mb(pid: int) -> int:
    """Proportional set size of a process and its children, in whole MB: shared pages are counted once."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return round(total / MEGABYTE)


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
