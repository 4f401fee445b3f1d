"""`python -m tests.bench [--long] [--portion 0.1] [NAME ...]`: run measurements, print the table, write build/bench.json.

A run that is shorter than the full length goes into build/bench-trial.json. Exit code 1 when a bar is missed.
"""

import argparse
import sys

from tests.bench import (
    arrays,
    configuration,
    errands,
    footprint,
    holds,
    hot_account,
    keys,
    latency,
    memory,
    paper,
    peers,
    quote,
    rating,
    rerating,
    ten_million,
    throughput,
    two_workers,
    wallets,
)
from tests.bench.figures import RESULT, TRIAL, Benchmark, Figure, record, show, under
from tests.bench.surroundings import leave_the_engines_alone, surroundings

BENCHMARKS: dict[str, Benchmark] = {
    "check": lambda _portion: errands.measure_check(),
    "demo": lambda _portion: errands.measure_demo(),
    "footprint": lambda _portion: footprint.measure(),
    "pdf": lambda _portion: paper.measure(),
    "holds": holds.measure,
    "hot_account": hot_account.measure,
    "quote": quote.measure,
    "rating": rating.measure,
    "configuration": configuration.measure,
    "latency": latency.measure,
    "throughput": throughput.measure,
    "throughput_arrays": arrays.measure,
    "two_workers": two_workers.measure,
    "wallets": wallets.measure,
    "peers": peers.measure,
    "rerating": rerating.measure,
}
WITH_EVERYTHING = ("demo", "footprint")
"""Those that need Airflow and the demonstration's services; beside the others these would be load of no one's choosing."""
LONG: dict[str, Benchmark] = {
    "keys": keys.measure,
    "memory": memory.measure,
    "ten_million": ten_million.measure,
}


def main() -> int:
    """Run one or all."""
    options = _options()
    there = LONG if options.long else BENCHMARKS
    unknown = [name for name in options.names if name not in there]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(there)}")
        return 2
    figures: list[Figure] = []
    for name in options.names or there:
        print(f"measuring {name} ...", flush=True)
        if name not in WITH_EVERYTHING:
            leave_the_engines_alone()
        measured = under(surroundings(), there[name](options.portion))
        record(measured, RESULT if options.portion == 1 else TRIAL)
        figures += measured
    show(figures)
    return 1 if any(figure.met is False for figure in figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; all without")
    parser.add_argument("--long", action="store_true", help="the ones that take longer than a quarter of an hour")
    parser.add_argument("--portion", type=float, default=1, help="the part of the full length; for trying a benchmark out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
