"""From the append in Kafka to the balance in Redis, seen from outside, at two rates.

The producer keeps each event's append time (the broker's clock). An observer reads every balance from Redis every few
milliseconds; since each event costs the same, a balance says how many of its account's events it holds.
"""

from collections.abc import Mapping, Sequence

from tests.bench.balance_observer import BalanceObserver, Seen
from tests.bench.figures import Figure, at_most, observed
from tests.bench.load import PRICE_MICROS, Load, open_accounts
from tests.installation import Installation, wait_until

ACCOUNTS = 200
EVENTS_BY_RATE = {1_000: 50_000, 5_000: 150_000}
WARM_UP_SECONDS = 3


def measure(portion: float) -> list[Figure]:
    """Latencies at each rate, on an installation of its own."""
    return [
        figure for per_second, events in EVENTS_BY_RATE.items() for figure in measure_at(per_second, int(events * portion))
    ]


def measure_at(per_second: int, events: int, *, name: str = "append_to_balance", hot_share: float = 0.0) -> list[Figure]:
    """Latencies at a rate; `hot_share`: of the events that are one account's, the others being spread evenly."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    installation.create()
    open_accounts(installation, ACCOUNTS)
    load = Load(installation, accounts=ACCOUNTS, hot_share=hot_share)
    appended: dict[int, list[int]] = {}
    with installation.worker() as worker:
        warm_up = WARM_UP_SECONDS * per_second
        load.send(warm_up, per_second=per_second)
        wait_until(lambda: worker.metric("billing_records_total") >= warm_up, "the warm-up is booked")
        observer = BalanceObserver(installation)
        observer.start()
        load.send(events, per_second=per_second, delivered=lambda account, at: appended.setdefault(account, []).append(at))
        wait_until(lambda: worker.metric("billing_records_total") >= warm_up + events, "everything is booked")
        seen = observer.stop()
    installation.drop()
    millis = sorted(_latencies(observer.accounts, seen, appended))
    if len(millis) != events:
        raise AssertionError(f"saw {len(millis)} of {events} events arrive in Redis")
    hot = f", {hot_share:.0%} of the events one account's" if hot_share else ""
    what = f"{per_second} ev/s, {events} single-event records, {ACCOUNTS} accounts{hot}; {seen.cost()}"
    return [
        at_most(f"{name}_p50_at_{per_second}", millis[events // 2], "ms", 30, conditions=what),
        at_most(f"{name}_p99_at_{per_second}", millis[int(events * 0.99)], "ms", 100, conditions=what),
        observed(f"{name}_max_at_{per_second}", millis[-1], "ms", conditions=what),
    ]


def _latencies(accounts: Sequence[int], seen: Seen, appended: Mapping[int, Sequence[int]]) -> list[float]:
    """Milliseconds of every event seen, from its append to the look that first found it."""
    found: list[float] = []
    for account, falls in zip(accounts, seen.falls, strict=True):
        times = sorted(appended.get(account, []))
        taken = 0
        for now_ms, spent_micros in falls:
            count = spent_micros // PRICE_MICROS
            found += [now_ms - at for at in times[taken:count]]
            taken = max(taken, count)
    return found
