"""Memory of the whole stack at rest, as PSS: shared pages are counted once."""

import json
import subprocess
import sys
import time

from connectors.settings import PROJECT_ROOT
from tests.bench.figures import Figure, at_most

REST_SECONDS = 60


def measure() -> list[Figure]:
    """Megabytes after a minute of rest, with everything running."""
    stack = [sys.executable, "-m", "infra.native"]
    subprocess.run([*stack, "up"], cwd=PROJECT_ROOT, capture_output=True, check=True)
    time.sleep(REST_SECONDS)
    answer = subprocess.run(
        [*stack, "status", "--json"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    services = json.loads(answer.stdout)["demo"]
    at_rest = [f"{service['program']} {service['memory_mb']}" for service in services]
    stopped = [service["program"] for service in services if service["state"] != "healthy"]
    if stopped:
        raise AssertionError(f"these do not run, so the stack cannot be weighed: {', '.join(stopped)}")
    total = sum(service["memory_mb"] for service in services)
    worker = next(service["memory_mb"] for service in services if service["program"] == "worker")
    return [
        at_most("stack_memory_idle", total, "MB", 4096, conditions=f"PSS: {', '.join(at_rest)}"),
        at_most("worker_memory_idle", worker, "MB", 300, conditions="PSS of the worker and its publisher"),
    ]
