"""Running seeds one after the other and adding up what they went through."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.simulation.verdict import at_the_end, never
from tests.simulation.world import Difference, Parts, World


@dataclass
class Explored:
    """What some seeds went through."""

    seeds: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    """Steps at which a process might have ended, by name."""
    crashed_at: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    rows_doubled: int = 0
    """Rows the warehouse got twice; a reader sees one."""

    @property
    def crash_points(self) -> int:
        """Processes that ended at a step, and engines that left one without its answer."""
        return self.faults["crash"] + self.faults["silence"]

    def add(self, world: World) -> None:
        """Add up a world that came to its end."""
        self.seeds += 1
        self.steps.update(world.faults.points)
        self.crashed_at.update(world.faults.crashed_at)
        self.faults.update(world.faults.happened)
        self.rows_doubled += len(world.warehouse.rows) - len(world.warehouse.final())
        for batch in world.books.batches.values():
            for counts in batch.settled.counts().values():
                self.outcomes.update({str(outcome): number for outcome, number in counts.items()})


@dataclass(frozen=True)
class Found:
    """A seed whose books differ, what differs, and what happened."""

    seed: int
    difference: str
    trace: list[str]


def explore(seeds: Iterable[int], explored: Explored, *, parts: Parts | None = None) -> Found | None:
    """Run seeds until one's books differ; None when none does."""
    for seed in seeds:
        world = World(seed, parts or Parts())
        try:
            _run(world)
        except Difference as difference:
            return Found(seed, str(difference), world.trace)
        except Exception as error:  # noqa: BLE001 - whatever escapes the code under test is a finding
            return Found(seed, f"{type(error).__name__}: {error}", world.trace)
        explored.add(world)
    return None


def _run(world: World, check: Callable[[World], None] = never) -> None:
    world.run(check)
    at_the_end(world)
