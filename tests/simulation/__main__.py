"""`python -m tests.simulation --seeds N [--start S] [--seconds T]`: exits 1 with the seed and its trace on a difference."""

import argparse
import itertools
import logging
import sys
import time
from collections.abc import Iterator

from tests.simulation.simulate import Explored, Found, explore


def main() -> int:
    """Run seeds and say what they went through."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, help="how many; without end when left out, then --seconds ends it")
    parser.add_argument("--start", type=int, default=0, help="the first seed; with --seeds 1 it replays exactly that one")
    parser.add_argument("--seconds", type=float, help="end after this long")
    chosen = parser.parse_args()
    if chosen.seeds is None and chosen.seconds is None:
        parser.error("say --seeds or --seconds")
    logging.disable(logging.CRITICAL)
    explored = Explored()
    began = time.monotonic()
    found = explore(_seeds(chosen.start, chosen.seeds, chosen.seconds), explored)
    _say(explored, time.monotonic() - began, chosen.start)
    if found is not None:
        _tell(found)
    return 0 if found is None else 1


def _seeds(start: int, number: int | None, seconds: float | None) -> Iterator[int]:
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    numbers = itertools.count(start) if number is None else range(start, start + number)
    return itertools.takewhile(lambda _: time.monotonic() < until, iter(numbers))


def _say(explored: Explored, seconds: float, start: int) -> None:
    minute = explored.seeds / seconds * 60
    print(f"seeds                {explored.seeds:>12,}   from {start}; {minute:,.0f} a minute")
    print(f"crash points         {explored.crash_points:>12,}   of {explored.steps.total():,} steps passed")
    for kind, number in sorted(explored.faults.items()):
        print(f"  {kind:<18} {number:>12,}")
    print(f"places of a crash    {len(explored.crashed_at):>12,}   of {len(explored.steps)} kinds of step")
    for outcome, number in sorted(explored.outcomes.items()):
        print(f"  {outcome:<18} {number:>12,}")
    print(f"rows doubled         {explored.rows_doubled:>12,}   in the warehouse before it merges them")
    print(f"seconds              {seconds:>12.1f}")


def _tell(found: Found) -> None:
    print(f"\nDIFFERENCE in seed {found.seed}: {found.difference}\n")
    print("\n".join(found.trace))
    print(f"\nAgain: python -m tests.simulation --seeds 1 --start {found.seed}")


if __name__ == "__main__":
    sys.exit(main())
