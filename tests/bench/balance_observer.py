"""Watches balances in Redis from outside, in a process of its own, and costs little.

One script returns all balances as one text. A text like the last one is not looked at any further.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tests.installation import Installation

PAUSE_SECONDS = 0.006
_LAST_LOOK_SECONDS = 0.5
# The keys come as one text, which costs the asking side less than a list of them.
_ALL_BALANCES = """
local found = {}
for key in string.gmatch(ARGV[1], '[^,]+') do
    found[#found + 1] = redis.call('HGET', key, 'balance_micros') or '0'
end
return table.concat(found, ',')
"""
_TRIALS = 50


@dataclass(frozen=True)
class Seen:
    """What was seen, and what seeing cost."""

    falls: Sequence[Sequence[tuple[float, int]]]
    """For each account, in order: epoch milliseconds of a look that found a new balance, and micros spent till then."""
    period_ms: float
    own_core_share: float
    redis_core_share: float
    """An upper bound: as if all of a look's round trip, on an idle machine, were Redis' work."""

    def cost(self) -> str:
        """How often it looked and what that took, in a sentence."""
        return (
            f"all balances read every {self.period_ms:.1f} ms, which takes {self.own_core_share:.0%} of a core itself and "
            f"at most {self.redis_core_share:.1%} of Redis'"
        )


class BalanceObserver:
    """Looks from `start` to `stop`."""

    def __init__(self, installation: Installation) -> None:
        rows = installation.query("SELECT account_id, right(code, 5)::int FROM account ORDER BY account_id")
        self.accounts = [number for _, number in rows]
        """Numbers of the load's accounts, in the order of Seen.falls."""
        context = multiprocessing.get_context("spawn")
        self._mine, theirs = context.Pipe()
        keys = [f"balance:{account_id}" for account_id, _ in rows]
        self._process = context.Process(target=_observe, args=(installation, keys, theirs), daemon=True)

    def start(self) -> None:
        """Start, and wait until the first balances were read."""
        self._process.start()
        self._mine.recv()

    def stop(self) -> Seen:
        """End after the last balances were read."""
        self._mine.send("end")
        seen: Seen = self._mine.recv()
        self._process.join()
        return seen


def _observe(installation: Installation, keys: Sequence[str], pipe: Connection) -> None:
    script = installation.redis().register_script(_ALL_BALANCES)
    asked = [",".join(keys)]

    def read() -> str:
        return str(script(args=asked))

    look_seconds = min(_seconds(read) for _ in range(_TRIALS))
    text = read()
    last = base = _numbers(text)
    falls: list[list[tuple[float, int]]] = [[] for _ in keys]
    pipe.send("ready")
    looks, began, cpu_began, ending = 0, time.monotonic(), time.process_time(), 0.0
    while not ending or time.monotonic() < ending:
        found = read()
        if found != text:
            now_ms, text, now = time.time() * 1000, found, _numbers(found)
            for i, micros in enumerate(now):
                if micros != last[i]:
                    falls[i].append((now_ms, base[i] - micros))
            last = now
        looks += 1
        if not ending and pipe.poll():
            ending = time.monotonic() + _LAST_LOOK_SECONDS
        time.sleep(PAUSE_SECONDS)
    seconds = time.monotonic() - began
    own = (time.process_time() - cpu_began) / seconds
    pipe.send(Seen(falls, seconds / looks * 1000, own, look_seconds * looks / seconds))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
