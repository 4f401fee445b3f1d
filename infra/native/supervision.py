"""Talking to supervisord, which keeps the processes of one instance: start it, ask it, stop it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from infra.native.stack import Stack, StackError

ALIVE = {"RUNNING", "STARTING", "STOPPING"}
WAIT, NO_WAIT = True, False
SUPERVISOR_START_SECONDS = 15
LEFTOVER_STOP_SECONDS = 20


@dataclass(frozen=True)
class Process:
    """What supervisord says of one program; `pid` is 0 when it does not run."""

    name: str
    state: str
    pid: int
    uptime_seconds: int
    exit_status: int

    @property
    def alive(self) -> bool:
        """Whether there is a process behind it."""
        return self.state in ALIVE

    @property
    def crashed(self) -> bool:
        """Whether it stopped although nobody asked it to."""
        return self.state in {"EXITED", "FATAL", "BACKOFF", "UNKNOWN"}


def _supervisor(stack: Stack) -> Any:
    """The instance's supervisord; a call raises OSError when it does not run, a Fault when it refuses."""
    transport = SupervisorTransport(None, None, f"unix://{stack.socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor


def is_running(stack: Stack) -> bool:
    """Whether the instance's supervisord answers."""
    try:
        return bool(_supervisor(stack).getState()["statename"] == "RUNNING")
    except (OSError, HTTPException):
        return False


def processes(stack: Stack) -> dict[str, Process]:
    """Every program and its state, by name; empty when supervisord does not run."""
    if not is_running(stack):
        return {}
    found = {}
    for info in _supervisor(stack).getAllProcessInfo():
        alive = info["statename"] in ALIVE
        found[info["name"]] = Process(
            name=info["name"],
            state=info["statename"],
            pid=info["pid"],
            uptime_seconds=info["now"] - info["start"] if alive else 0,
            exit_status=info["exitstatus"],
        )
    return found


def supervisor_died(stack: Stack) -> bool:
    """Whether supervisord went away without being told to: it leaves its pid file only then."""
    return _pid_file(stack).exists() and not is_running(stack)


def ensure_supervisor(stack: Stack, environment: dict[str, str]) -> None:
    """Start supervisord unless it runs with these very settings.

    Raises StackError when it runs with other settings and keeps something alive, or does not start.
    """
    print_file = stack.local / "settings.json"
    now = _fingerprints(stack)
    if is_running(stack):
        before = json.loads(print_file.read_text()) if print_file.exists() else {}
        changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        if not changed:
            return
        if any(process.alive for process in processes(stack).values()):
            raise StackError(f"{', '.join(changed)} changed since the stack was started: run `make down`, then `make up`.")
        stop_supervisor(stack)
    stack.logs.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "supervisor.supervisord",
        "-c",
        str(_configuration(stack)),
    ]
    done = subprocess.run(command, env=environment, cwd=stack.root, capture_output=True, text=True, check=False)
    deadline = time.monotonic() + SUPERVISOR_START_SECONDS
    while not is_running(stack):
        if done.returncode != 0 or time.monotonic() > deadline:
            raise StackError(f"The process supervisor did not start: {done.stderr.strip() or done.stdout.strip()}")
        time.sleep(0.05)
    print_file.write_text(json.dumps(now, indent=1))


def start(stack: Stack, program: str) -> None:
    """Start a program unless it is alive; returns at once."""
    try:
        _supervisor(stack).startProcess(program, NO_WAIT)
    except xmlrpc.client.Fault as fault:
        if "ALREADY_STARTED" not in fault.faultString:
            raise StackError(f"{program} could not be started: {fault.faultString}.") from fault


def stop(stack: Stack, program: str) -> None:
    """Stop a program and wait until it has; one that does not run is left alone."""
    try:
        _supervisor(stack).stopProcess(program, WAIT)
    except xmlrpc.client.Fault as fault:
        if "NOT_RUNNING" not in fault.faultString:
            raise StackError(f"{program} could not be stopped: {fault.faultString}.") from fault


def stop_supervisor(stack: Stack) -> None:
    """Stop supervisord and wait until its process has gone."""
    pid = int(_supervisor(stack).getPID())
    _supervisor(stack).shutdown()
    try:
        psutil.Process(pid).wait(timeout=120)
    except psutil.NoSuchProcess:
        return


def clear_after_kill(stack: Stack) -> None:
    """End what a supervisord that was killed left behind, gently first, so that the ports are free again."""
    if not supervisor_died(stack):
        return
    left = _leftovers(stack)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            # PostgreSQL takes SIGTERM as "wait for every client to leave" and SIGINT as "stop now, cleanly".
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, stubborn = psutil.wait_procs(left, timeout=LEFTOVER_STOP_SECONDS)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _pid_file(stack).unlink(missing_ok=True)
    if left:
        print(f"Ended {len(left)} processes that a killed supervisor had left behind.")


def _leftovers(stack: Stack) -> list[psutil.Process]:
    """What a supervisord that no longer answers started: its session, which outlives it and has its number."""
    session = int(_pid_file(stack).read_text())
    if psutil.boot_time() > _pid_file(stack).stat().st_mtime:
        return []  # the machine was started anew, and the number may be another program's
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session:
                found.append(process)
    if any(process.pid == session and "supervisord" not in " ".join(process.cmdline()) for process in found):
        return []  # supervisord's number has been given to another program, so nothing of its session is left
    return found


def _pid_file(stack: Stack) -> Path:
    return stack.local / "supervisord.pid"


def _configuration(stack: Stack) -> Path:
    return stack.root / "infra" / "native" / "supervisord.conf"


def _fingerprints(stack: Stack) -> dict[str, str]:
    """Each setting's digest, and the program file's: a change can be named without keeping secrets."""
    texts = {**stack.settings, "supervisord.conf": _configuration(stack).read_text()}
    return {name: hashlib.sha256(value.encode()).hexdigest()[:16] for name, value in texts.items()}
