"""The wallet watchers of a drill, which are their workers' children: found by what they run, killed and stopped."""

import time

import psutil

from tests.drill.crew import Crew

_FOUND_WITHIN_SECONDS = 60.0
"""A worker that comes back while engines are away has none for long."""


class NoWatcher(Exception):
    """There is none to do anything to."""


class Watchers:
    """Watchers by the number of their worker, which starts another when one ends."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._stopped: dict[int, psutil.Process] = {}

    def kill(self, number: int) -> None:
        """SIGKILL."""
        self._found(number).kill()

    def ask_to_end(self, number: int) -> None:
        """SIGTERM, which it leaves to its worker: nothing happens."""
        self._found(number).terminate()

    def stop(self, number: int) -> None:
        """SIGSTOP."""
        process = self._found(number)
        self._stopped[number] = process
        process.suspend()

    def go_on(self, number: int) -> None:
        """SIGCONT, also when its worker is gone: it ends then."""
        process = self._stopped.pop(number)
        if process.is_running():
            process.resume()

    def _found(self, number: int) -> psutil.Process:
        deadline = time.monotonic() + _FOUND_WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                children = psutil.Process(self._crew.process_id(number)).children()
                found = [child for child in children if "streams.wallet_watcher" in child.cmdline()]
            except (KeyError, psutil.Error):
                found = []
            if found:
                return found[0]
            time.sleep(0.2)
        raise NoWatcher(f"worker {number} had no watcher for {_FOUND_WITHIN_SECONDS:.0f} s")
