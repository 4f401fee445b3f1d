"""Stopping: what uses an engine before the engine; the data stays."""

from concurrent.futures import ThreadPoolExecutor

from infra.native import supervision
from infra.native.services import ENGINES, SERVICES, Service
from infra.native.stack import Stack


def down(stack: Stack, services: list[Service] | None = None) -> None:
    """Stop these services, or the whole instance with its supervisor; stopping what does not run is fine."""
    states = supervision.processes(stack)
    if states:
        chosen = services if services is not None else list(SERVICES.values())
        users = [service for service in chosen if service.name not in ENGINES]
        engines = [service for service in chosen if service.name in ENGINES]
        for group in (users, engines):
            programs = [p for service in group for p in service.programs if p in states and states[p].alive]
            with ThreadPoolExecutor(max_workers=len(states)) as pool:
                list(pool.map(lambda program: supervision.stop(stack, program), programs))
        if services is None:
            supervision.stop_supervisor(stack)
    supervision.clear_after_kill(stack)
