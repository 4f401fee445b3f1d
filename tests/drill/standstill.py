"""How long things stood still, from the books themselves: each batch says when, by whom and of which partition."""

import socket
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.drill.faults import Happened
from tests.drill.plan import Kind
from tests.installation import Installation

_BOOKED = """
SELECT r.partition, extract(epoch FROM b.booked_at)::float8, b.worker
FROM batch_range r JOIN batch b USING (batch_id) WHERE b.booked_at BETWEEN to_timestamp(%s) AND to_timestamp(%s)
ORDER BY b.booked_at
"""
SEVERAL = "several at once"
_ECHO_SECONDS = 15.0
"""How long after a fault is over it may still be the cause: a session timeout and a rebalance."""


@dataclass
class Standstill:
    """Seconds. `by_cause` and `of_a_partition_by_cause`: the longest without a new batch, by the only fault near it."""

    by_cause: dict[str, float] = field(default_factory=dict)
    of_a_partition_by_cause: dict[str, float] = field(default_factory=dict)
    take_overs: list[float] = field(default_factory=list)
    """After each SIGKILL, until the last partition of the dead worker was booked by another."""
    undisturbed_take_overs: list[float] = field(default_factory=list)
    """The same where the other worker and the engines were well all the time."""


def measure(installation: Installation, happened: Sequence[Happened], *, began_at: float, ended_at: float) -> Standstill:
    """Look at the time while load ran, wall-clock seconds."""
    rows = installation.query(_BOOKED, began_at, ended_at)
    found = Standstill()
    everything = [began_at, *(booked_at for _, booked_at, _ in rows), ended_at]
    _note_gaps(found.by_cause, everything, happened)
    partitions: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for partition, booked_at, worker in rows:
        partitions[partition].append((booked_at, worker))
    for batches in partitions.values():
        _note_gaps(found.of_a_partition_by_cause, [began_at, *(at for at, _ in batches), ended_at], happened)
    for fault in happened:
        if fault.kind is Kind.WORKER_SIGKILL and fault.began_at < ended_at:
            seconds = _take_over(fault, list(partitions.values()), ended_at)
            found.take_overs.append(seconds)
            if all(near is fault for near in _near(fault.began_at, fault.began_at + seconds, happened)):
                found.undisturbed_take_overs.append(seconds)
    return found


def _note_gaps(by_cause: dict[str, float], times: Sequence[float], happened: Sequence[Happened]) -> None:
    for before, after in pairwise(times):
        cause = _cause(before, after, happened)
        by_cause[cause] = max(by_cause.get(cause, 0.0), round(after - before, 2))


def _cause(before: float, after: float, happened: Sequence[Happened]) -> str:
    near = _near(before, after, happened)
    if len(near) > 1:
        return SEVERAL
    return near[0].kind.value if near else "no fault"


def _near(before: float, after: float, happened: Sequence[Happened]) -> list[Happened]:
    return [fault for fault in happened if fault.began_at < after and fault.ended_at + _ECHO_SECONDS > before]


def _take_over(fault: Happened, partitions: Sequence[Sequence[tuple[float, str]]], ended_at: float) -> float:
    dead = f"{socket.gethostname()}-{fault.process_id}"
    longest = 0.0
    for batches in partitions:
        before = [worker for at, worker in batches if at < fault.began_at]
        if before and before[-1] == dead:
            after = [at for at, worker in batches if at >= fault.began_at and worker != dead]
            longest = max(longest, (after[0] if after else ended_at) - fault.began_at)
    return round(longest, 2)
