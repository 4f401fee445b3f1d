"""Telling the cache everything again, where something that was committed may not have been told.

That is when a process begins, because the one before it may have died between a commit and its telling, and after each turn
that failed, because it may have failed there.
"""

from collections.abc import Callable
from threading import Event

from domain.errors import EngineUnavailable


class Retelling:
    """Remembers whether something may have been missed. Safe to use from several threads."""

    def __init__(self, tell_everything: Callable[[], object]) -> None:
        self._tell_everything = tell_everything
        self._missed = Event()
        self._missed.set()

    def after_failure(self, turn: Callable[[], object]) -> Callable[[], None]:
        """The same turn, after whose failure everything is told again."""

        def remembered() -> None:
            try:
                turn()
            except EngineUnavailable:
                self._missed.set()
                raise

        return remembered

    def catch_up(self) -> None:
        """Tell everything if something may have been missed. Raises EngineUnavailable, and tells it the next time then."""
        if not self._missed.is_set():
            return
        # Before it is told: what is missed meanwhile is told the next time.
        self._missed.clear()
        self.after_failure(self._tell_everything)()
