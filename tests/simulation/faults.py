"""Faults: at every step of every connector the seed may end the process, silence the engine or let the others go first."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from domain.errors import EngineUnavailable


class Crash(BaseException):
    """The end of a process, at this very step. Not an Exception: no program catches its own death."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Chances for each step."""

    crash: float
    silence: float
    pause: float


RATES = (
    Rates(0.02, 0.02, 0.05),
    Rates(0.08, 0.02, 0.05),
    Rates(0.02, 0.10, 0.05),
    Rates(0.02, 0.02, 0.20),
    Rates(0.00, 0.05, 0.20),
    Rates(0.12, 0.00, 0.00),
)
"""A seed takes one of these, so that some worlds see mostly one kind of trouble."""


class Faults:
    """The chances of one world. `silent` ends all faults: what is left is drained."""

    def __init__(self, dice: random.Random, rates: Rates, trace: Callable[[str], None]) -> None:
        self.silent = False
        self.points: Counter[str] = Counter()
        """Steps passed at which a process may end, by name."""
        self.happened: Counter[str] = Counter()
        """Faults by kind."""
        self.crashed_at: Counter[str] = Counter()
        self.meanwhile: Callable[[], None] = lambda: None
        """Lets the others make some steps: this process stands still, in the middle of what it does."""
        self._dice = dice
        self._rates = rates
        self._trace = trace

    def step(self, name: str, *, engine: str | None = None) -> None:
        """Pass a step. Raises Crash, or EngineUnavailable when the step is a call to an engine."""
        self.points[name] += 1
        if self.silent:
            return
        roll, rates = self._dice.random(), self._rates
        if roll < rates.crash:
            self._say("crash", name)
            self.crashed_at[name] += 1
            raise Crash(name)
        if engine is not None and roll < rates.crash + rates.silence:
            self._say("silence", name)
            raise EngineUnavailable(f"{engine} does not answer at {name}")
        if roll > 1 - rates.pause:
            self._say("pause", name)
            self.meanwhile()

    def chance(self, probability: float) -> bool:
        """Whether something that needs no process to end happens now."""
        return not self.silent and self._dice.random() < probability

    def _say(self, kind: str, name: str) -> None:
        self.happened[kind] += 1
        self._trace(f"  {kind}: {name}")
