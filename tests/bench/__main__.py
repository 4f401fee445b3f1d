"""`python -m tests.bench [NAME]`: run the measurements, print the table, write build/bench.json.

Exit code 1 when a bar is missed.
"""

import sys

from tests.bench import errands, footprint, latency, paper, throughput
from tests.bench.figures import Benchmark, record, show

BENCHMARKS: dict[str, Benchmark] = {
    "check": errands.measure_check,
    "demo": errands.measure_demo,
    "memory": footprint.measure,
    "pdf": paper.measure,
    "latency": latency.measure,
    "throughput": throughput.measure,
}


def main() -> int:
    """Run one or all."""
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
        return 2
    figures = []
    for name in chosen:
        print(f"measuring {name} ...", flush=True)
        measured = BENCHMARKS[name]()
        record(measured)
        figures += measured
    show(figures)
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
