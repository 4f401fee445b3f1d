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
        self._releasing: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with every alias mapped; a command that waits for an engine is broken off, and the last one does its work."""
        self._ended.set()
        while self._thread.is_alive():
            if self._releasing is not None:
                self._releasing.kill()
            self._thread.join(timeout=0.1)
        for alias in LATE_ALIASES:
            self._map(alias)

    def release(self, alias: str | None = None) -> None:
        """`billing events release`, until it succeeds; of one alias, until the operator ends."""
        command = [str(FAUST.with_name("billing")), "events", "release", "--json"]
        command += ["--alias", alias] if alias else []
        began = time.monotonic()
        while alias is None or not self._ended.is_set():
            environment = self.installation.environment()
            self._releasing = subprocess.Popen(
                command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            try:
                said, complaint = self._releasing.communicate(timeout=120)
            finally:
                self._releasing.kill()
            if self._releasing.returncode == 0:
                self.released += json.loads(said)["released"]
                return
            self._complain(began, complaint.strip())

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
