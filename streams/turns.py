"""What the processes beside the worker do alike: threads that take turns until standard input ends, and how they end."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final

from connectors import clock
from domain.errors import EngineUnavailable

_log = logging.getLogger("streams.turns")
_PAUSE_LONGEST_SECONDS: Final = 30.0
_LISTEN_SECONDS: Final = 0.5
"""How long one who waits to be called may take to notice that the process ends."""


def run_until_worker_ends(name: str, threads: Sequence[threading.Thread], ended: threading.Event) -> None:
    """Start the threads, and end them with standard input, that is, with the worker that holds it."""
    # A Ctrl-C or SIGTERM for the group is the worker's to answer: it closes the pipe when it has drained.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.excepthook = lambda unforeseen: _end(name, unforeseen)
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()


def run_until_told(name: str, threads: Sequence[threading.Thread], ended: threading.Event) -> None:
    """Start the threads, and end them, each after its turn, when the process is asked to end by SIGTERM or Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    threading.excepthook = lambda unforeseen: _end(name, unforeseen)
    for thread in threads:
        thread.start()
    ended.wait()
    for thread in threads:
        thread.join()


def _end(name: str, unforeseen: threading.ExceptHookArgs) -> None:
    """An error nobody expects ends the process, not only its thread: its keeper starts another, nothing is lost."""
    _log.critical("the %s ends", name, exc_info=unforeseen.exc_value)
    logging.shutdown()
    os._exit(1)


def take_turns(ended: threading.Event, doing: str, pause_seconds: float, turn: Callable[[], object]) -> None:
    """Take turns with pauses between them; after failures wait longer each time, and say so."""
    pause = pause_seconds
    while not ended.is_set():
        started = clock.monotonic_seconds()
        try:
            turn()
            pause = pause_seconds
        except EngineUnavailable as error:
            # A turn that went on for longer than the longest pause had worked: its failure is a first one.
            worked = clock.monotonic_seconds() - started > _PAUSE_LONGEST_SECONDS
            pause = min(max(pause_seconds, 0.5) * 2 if worked else max(pause, 0.5) * 2, _PAUSE_LONGEST_SECONDS)
            _log.warning("%s; %s goes on in %.0f s, nothing is lost", error, doing, pause)
        ended.wait(pause)


def take_turns_when_called(ended: threading.Event, called: threading.Event, doing: str, turn: Callable[[], object]) -> None:
    """Take a turn whenever somebody calls; being called during a turn is another turn. After failures as `take_turns`."""

    def answer() -> None:
        if called.wait(_LISTEN_SECONDS):
            called.clear()
            turn()

    take_turns(ended, doing, 0.0, answer)
