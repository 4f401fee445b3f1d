"""How long the everyday commands take on a machine where everything is installed."""

import subprocess
import time

from connectors.settings import PROJECT_ROOT
from tests.bench.figures import Figure, at_most


def measure_demo() -> list[Figure]:
    """`make demo` from a stopped stack to the proof."""
    _run("make", "down")
    seconds = _run("make", "demo")
    return [at_most("make_demo_seconds", seconds, "s", 240, conditions="everything installed, engines stopped before")]


def measure_check() -> list[Figure]:
    """`make check`."""
    return [at_most("make_check_seconds", _run("make", "check"), "s", 30, conditions="warm caches of mypy and ruff")]


def _run(*command: str) -> float:
    began = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.monotonic() - began
