"""Append to Redis balance at 1,000 events a second, seen from outside.

The producer keeps each event's append time (the broker's clock). An observer reads every balance from Redis every few
milliseconds; since each event costs the same, a balance says how many of its account's events it holds.
"""

import multiprocessing
import time
from multiprocessing.connection import Connection

from tests.bench.figures import Figure, at_most, observed
from tests.bench.load import PRICE_MICROS, Load, open_accounts
from tests.installation import Installation, wait_until

ACCOUNTS = 200
EVENTS = 50_000
PER_SECOND = 1_000
WARM_UP_EVENTS = 3_000


def measure() -> list[Figure]:
    """Latencies of 50,000 events."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    installation.create()
    open_accounts(installation, ACCOUNTS)
    load = Load(installation, accounts=ACCOUNTS)
    with installation.worker() as worker:
        load.send(WARM_UP_EVENTS, per_second=PER_SECOND)
        wait_until(lambda: worker.metric("billing_records_total") >= WARM_UP_EVENTS, "the warm-up is booked")
        observer = _Observer(installation)
        observer.start()
        appended: dict[int, list[int]] = {}
        load.send(EVENTS, per_second=PER_SECOND, delivered=lambda account, at: appended.setdefault(account, []).append(at))
        wait_until(lambda: worker.metric("billing_records_total") >= WARM_UP_EVENTS + EVENTS, "everything is booked")
        observer.stop()
    millis = observer.latencies(appended)
    installation.drop()
    if len(millis) != EVENTS:
        raise AssertionError(f"saw {len(millis)} of {EVENTS} events arrive in Redis")
    millis.sort()
    what = (
        f"{PER_SECOND} ev/s, {EVENTS} single-event records, {ACCOUNTS} accounts, "
        f"Redis read every {observer.period_ms:.0f} ms"
    )
    return [
        at_most("append_to_balance_p99_at_1000", millis[int(EVENTS * 0.99)], "ms", 100, conditions=what),
        observed("append_to_balance_p50_at_1000", millis[EVENTS // 2], "ms", conditions=what),
        observed("append_to_balance_max_at_1000", millis[-1], "ms", conditions=what),
    ]


class _Observer:
    """Reads all balances again and again in a process of its own; remembers when each account's balance fell."""

    def __init__(self, installation: Installation) -> None:
        rows = installation.query("SELECT account_id, right(code, 5)::int FROM account ORDER BY account_id")
        self._accounts = [number for _, number in rows]
        context = multiprocessing.get_context("spawn")
        self._mine, theirs = context.Pipe()
        keys = [f"balance:{account_id}" for account_id, _ in rows]
        self._process = context.Process(target=_observe, args=(installation, keys, theirs), daemon=True)
        self._seen: list[list[tuple[float, int]]] = []
        self.period_ms = 0.0

    def start(self) -> None:
        """Start, and wait until the first balances were read."""
        self._process.start()
        self._mine.recv()

    def stop(self) -> None:
        """End after the last balances were read."""
        self._mine.send("end")
        self._seen, self.period_ms = self._mine.recv()
        self._process.join()

    def latencies(self, appended: dict[int, list[int]]) -> list[float]:
        """Milliseconds of every event seen, from its append to the read that first held it."""
        found: list[float] = []
        for account, seen in zip(self._accounts, self._seen, strict=True):
            times = sorted(appended.get(account, []))
            taken = 0
            for now_ms, count in seen:
                found += [now_ms - at for at in times[taken:count]]
                taken = max(taken, count)
        return found


def _observe(installation: Installation, keys: list[str], pipe: Connection) -> None:
    redis = installation.redis()

    def read() -> list[int]:
        pipeline = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hget(key, "balance_micros")
        return [int(value or 0) for value in pipeline.execute()]

    base = read()
    last = list(base)
    seen: list[list[tuple[float, int]]] = [[] for _ in keys]
    pipe.send("ready")
    reads, began, ending = 0, time.monotonic(), 0.0
    while not ending or time.monotonic() < ending:
        balances = read()
        now_ms = time.time() * 1000
        for i, micros in enumerate(balances):
            if micros != last[i]:
                last[i] = micros
                seen[i].append((now_ms, (base[i] - micros) // PRICE_MICROS))
        reads += 1
        if not ending and pipe.poll():
            ending = time.monotonic() + 0.5
        time.sleep(0.008)
    pipe.send((seen, (time.monotonic() - began) / reads * 1000))
