"""The operator of a drill: maps aliases that events came for too early and lets those events go, whatever is down."""

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field

from connectors import clock
from connectors.settings import PROJECT_ROOT
from domain.errors import BillingError
from invoicing import administer
from tests.drill.world import LATE_ALIASES, account_of_late_alias
from tests.installation import FAUST, Installation

_AGAIN_SECONDS = 2.0
_GIVE_UP_SECONDS = 180


@dataclass
class Operator:
    """Maps one alias after the other in a thread of its own."""

    installation: Installation
    every_seconds: float
    released: int = 0
    complaints: list[str] = field(default_factory=list)
    """Why a command had to be repeated."""

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="operator")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with every alias mapped."""
        self._ended.set()
        self._thread.join()
        for alias in LATE_ALIASES:
            self._map(alias)

    def release(self, alias: str | None = None) -> None:
        """`billing events release`, until it succeeds."""
        command = [str(FAUST.with_name("billing")), "events", "release", "--json"]
        command += ["--alias", alias] if alias else []
        began = time.monotonic()
        while True:
            environment = self.installation.environment()
            done = subprocess.run(
                command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
            if done.returncode == 0:
                self.released += json.loads(done.stdout)["released"]
                return
            self._complain(began, done.stderr.strip())

    def _work(self) -> None:
        for alias in LATE_ALIASES[:-1]:  # the last one stays unknown until the load is over
            if self._ended.wait(self.every_seconds):
                return
            self._map(alias)
            self.release(alias)

    def _map(self, alias: str) -> None:
        began = time.monotonic()
        while True:
            author = administer.Author("drill", clock.now())
            try:
                administer.map_aliases(
                    self.installation.administration(), {alias: account_of_late_alias(alias)}, author=author
                )
            except BillingError as error:
                self._complain(began, str(error))
            else:
                return

    def _complain(self, began: float, why: str) -> None:
        self.complaints.append(why)
        if time.monotonic() - began > _GIVE_UP_SECONDS:
            raise AssertionError(f"an operator's command still fails after {_GIVE_UP_SECONDS} s: {why}")
        time.sleep(_AGAIN_SECONDS)
