"""Waiting until a service is healthy, and saying what its log says when it is not."""

import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from infra.native import supervision
from infra.native.services import Service
from infra.native.stack import Stack, StackError

BETWEEN_PROBES_SECONDS = 0.1
TAIL_LINES = 15


def complaint(stack: Stack, service: Service) -> str | None:
    """Why the service is not healthy, in a few words; None when it is.

    Raises StackError when asking again will not help, such as a password that the server refuses.
    """
    try:
        service.probe(stack.settings)
    except StackError:
        raise
    except Exception as error:  # noqa: BLE001  each client library has a family of its own; all mean "not healthy"
        return " ".join(str(error).split()) or type(error).__name__
    return None


def wait_healthy(stack: Stack, service: Service) -> None:
    """Return once the service answers its probe.

    Raises StackError, with the end of the log, when one of its programs stops or the time is up.
    """
    deadline = time.monotonic() + service.ready_within_seconds
    while (reason := complaint(stack, service)) is not None:
        states = supervision.processes(stack)
        for program in service.programs:
            if states[program].crashed:
                raise StackError(f"{program} stopped while it started.\n{tail(stack, program)}")
        if time.monotonic() > deadline:
            ends = "\n".join(tail(stack, program) for program in service.programs)
            raise StackError(f"{service.name} was not healthy within {service.ready_within_seconds} s: {reason}.\n{ends}")
        time.sleep(BETWEEN_PROBES_SECONDS)


def require_healthy(stack: Stack, services: Iterable[Service]) -> None:
    """Raises StackError naming the first of these services, which others start, that does not answer."""
    for service in services:
        if (reason := complaint(stack, service)) is not None:
            raise StackError(f"{service.name} does not answer ({reason}): start it with `make up` first.")


def tail(stack: Stack, program: str, *, lines: int = TAIL_LINES) -> str:
    """The end of a program's log, indented, with the file's name over it."""
    path: Path = stack.logs / f"{program}.log"
    if not path.exists():
        return f"  {path} does not exist: {program} has not been started yet."
    with path.open(errors="replace") as log:
        last = deque(log, maxlen=lines)
    return "".join([f"  the end of {path}:\n", *(f"    {line}" for line in last)]).rstrip()
