"""Engines of the drill's own (infra/native/drill.env): started for it, killed by it, and stopped when it is left."""

import os
import signal
import time
from types import TracebackType
from typing import Self

from infra.native import supervision
from infra.native.down import down
from infra.native.health import complaint
from infra.native.services import ENGINES, SERVICES
from infra.native.stack import StackError, load_stack
from infra.native.up import up

_BETWEEN_PROBES_SECONDS = 0.2
_HEALTHY_WITHIN_SECONDS = 120


class Engines:
    """A context in which the four engines run; a killed one stays down until `revive`."""

    def __init__(self) -> None:
        self._stack = load_stack("drill")

    def __enter__(self) -> Self:
        # Debian keeps servers in sbin, which an ordinary user's PATH lacks.
        os.environ["PATH"] = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        down(self._stack)
        up(self._stack, [SERVICES[name] for name in ENGINES])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        down(self._stack)

    def variables(self) -> dict[str, str]:
        """The settings that lead to them."""
        return {name: value for name, value in self._stack.settings.items() if name.endswith(("_HOST", "_PORT"))}

    def kill(self, name: str) -> None:
        """SIGKILL to the engine's first process, as the kernel's out-of-memory killer sends it."""
        os.kill(supervision.processes(self._stack)[name].pid, signal.SIGKILL)

    def revive(self, name: str) -> None:
        """Start a killed engine and wait until it answers. PostgreSQL may refuse until its last children are gone."""
        deadline = time.monotonic() + _HEALTHY_WITHIN_SECONDS
        while True:
            if not supervision.processes(self._stack)[name].alive:
                supervision.start(self._stack, name)
            reason = complaint(self._stack, SERVICES[name])
            if reason is None:
                return
            if time.monotonic() > deadline:
                raise StackError(f"{name} did not come back within {_HEALTHY_WITHIN_SECONDS} s: {reason}")
            time.sleep(_BETWEEN_PROBES_SECONDS)
