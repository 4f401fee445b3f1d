"""The plan of a drill: which fault happens when and for how long, drawn from a seed before anything starts."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done to whom."""

    WORKER_SIGKILL = "worker_sigkill"
    WORKER_SIGTERM = "worker_sigterm"
    WORKER_SIGSTOP = "worker_sigstop"
    """Longer than the session timeout: its partitions are another's when it goes on."""
    POSTGRES = "postgres_kill"
    REDIS = "redis_kill"
    CLICKHOUSE = "clickhouse_kill"
    KAFKA = "kafka_kill"
    REBALANCE = "rebalance"
    """A third worker joins and leaves."""
    WATCHER_SIGKILL = "watcher_sigkill"
    WATCHER_SIGTERM = "watcher_sigterm"
    """It leaves that to its worker, and goes on."""
    WATCHER_SIGSTOP = "watcher_sigstop"
    NOTIFIER_SIGKILL = "notifier_sigkill"
    NOTIFIER_SIGTERM = "notifier_sigterm"
    NOTIFIER_SIGSTOP = "notifier_sigstop"


OF_WATCHERS = frozenset({Kind.WATCHER_SIGKILL, Kind.WATCHER_SIGTERM, Kind.WATCHER_SIGSTOP})
OF_NOTIFIERS = frozenset({Kind.NOTIFIER_SIGKILL, Kind.NOTIFIER_SIGTERM, Kind.NOTIFIER_SIGSTOP})
BOOKING = tuple(kind for kind in Kind if kind not in OF_WATCHERS | OF_NOTIFIERS)
"""What may hold up the booking of usage."""
KILLS = frozenset(Kind) - {
    Kind.WORKER_SIGSTOP,
    Kind.REBALANCE,
    Kind.WATCHER_SIGTERM,
    Kind.WATCHER_SIGSTOP,
    Kind.NOTIFIER_SIGSTOP,
}
"""The kinds that end a process; the others come on top."""
ENGINE_OF = {
    Kind.POSTGRES: "postgres",
    Kind.REDIS: "redis",
    Kind.CLICKHOUSE: "clickhouse",
    Kind.KAFKA: "kafka",
}
WORKERS = (0, 1)
THIRD = 2
WATCHERS = tuple(f"watcher {worker}" for worker in WORKERS)
NOTIFIERS = ("notifier 0", "notifier 1")
SECONDS_A_KILL = 4.5
"""How much load a kill gets on average when nobody says how long the drill runs."""
CALM_SECONDS = 25.0
"""From one calm fault to the next: the longest stop, a session timeout, and a rebalance."""
_ROUND = (*Kind, Kind.WORKER_SIGKILL)
"""One of each, and the commonest death twice."""
_AFTERWARDS_SECONDS = 4.0
_LASTING_SECONDS = {
    Kind.WORKER_SIGKILL: (0.2, 6),
    Kind.WORKER_SIGTERM: (0.2, 6),
    Kind.WORKER_SIGSTOP: (11, 15),
    Kind.POSTGRES: (0.3, 6),
    Kind.REDIS: (0.3, 6),
    Kind.CLICKHOUSE: (0.3, 6),
    Kind.KAFKA: (0.3, 6),
    Kind.REBALANCE: (5, 9),
    Kind.WATCHER_SIGKILL: (0.0, 0.1),
    Kind.WATCHER_SIGTERM: (0.0, 0.1),
    Kind.WATCHER_SIGSTOP: (11, 15),
    Kind.NOTIFIER_SIGKILL: (0.2, 6),
    Kind.NOTIFIER_SIGTERM: (0.2, 6),
    Kind.NOTIFIER_SIGSTOP: (11, 15),
}


@dataclass(frozen=True)
class Fault:
    """One fault; seconds count from the beginning of the load. `target` is a worker's number or a name."""

    at_seconds: float
    kind: Kind
    target: str | int
    lasting_seconds: float

    @property
    def until_seconds(self) -> float:
        """When what was taken away is given back."""
        return self.at_seconds + self.lasting_seconds


def draw(seed: int, *, kills: int, seconds: float, calm: bool = False) -> list[Fault]:
    """A plan with this many kills and the stops and rebalances that fall between them, in order of time.

    With `calm`, one fault of each kind that may hold up booking comes first, each long after the one before, so that
    what it costs by itself can be measured. In the storm, faults of different targets overlap; one target has a few
    seconds between two of its own.
    """
    chance = random.Random(seed)
    faults = list(_calm(chance)) if calm else []
    begin = CALM_SECONDS * len(faults)
    kinds = list(_kinds(chance, kills=kills - sum(fault.kind in KILLS for fault in faults)))
    slot = (seconds - begin) / len(kinds) if kinds else 0.0
    free_at: dict[str | int, float] = {}
    for number, kind in enumerate(kinds):
        at = begin + slot * (number + chance.uniform(0.05, 0.6))
        target = _target(kind, chance, free_at, at)
        at = max(at, free_at.get(target, 0.0))
        fault = Fault(round(at, 2), kind, target, _lasting(chance, kind))
        free_at[target] = fault.until_seconds + _AFTERWARDS_SECONDS
        faults.append(fault)
    return sorted(faults, key=lambda fault: fault.at_seconds)


def outage(lasting_seconds: float, engines: Sequence[str] = ()) -> list[Fault]:
    """These engines dead at the same time, for this long; all of them when none is named."""
    kinds = [kind for kind, engine in ENGINE_OF.items() if not engines or engine in engines]
    return [Fault(5.0 + number, kind, ENGINE_OF[kind], lasting_seconds) for number, kind in enumerate(kinds)]


def _calm(chance: random.Random) -> Iterator[Fault]:
    for number, kind in enumerate(chance.sample(BOOKING, len(BOOKING))):
        at = CALM_SECONDS * number + 3.0
        yield Fault(at, kind, _target(kind, chance, {}, at), _lasting(chance, kind))


def _lasting(chance: random.Random, kind: Kind) -> float:
    return round(chance.uniform(*_LASTING_SECONDS[kind]), 2)


def _kinds(chance: random.Random, *, kills: int) -> Iterator[Kind]:
    while kills > 0:
        for kind in chance.sample(_ROUND, len(_ROUND)):
            yield kind
            kills -= kind in KILLS
            if kills == 0:
                return


def _target(kind: Kind, chance: random.Random, free_at: dict[str | int, float], at: float) -> str | int:
    if kind in ENGINE_OF:
        return ENGINE_OF[kind]
    if kind is Kind.REBALANCE:
        return THIRD
    targets: Sequence[str | int] = WATCHERS if kind in OF_WATCHERS else NOTIFIERS if kind in OF_NOTIFIERS else WORKERS
    free = [target for target in targets if free_at.get(target, 0.0) <= at]
    return chance.choice(free) if free else min(targets, key=lambda target: free_at[target])
