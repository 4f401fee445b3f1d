"""`python -m tests.drill`: run a drill, print what it found, write build/drill.json, end with 1 on any difference."""

import argparse
import json
import secrets
import sys
from dataclasses import asdict

from connectors.settings import PROJECT_ROOT
from tests.drill import plan
from tests.drill.drill import Report, run
from tests.drill.page import kept, page

_AFTER_OUTAGE_SECONDS = 30.0


def main() -> int:
    """Run a drill; returns the exit code."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    calm_seconds = plan.CALM_SECONDS * len(plan.BOOKING) if options.calm else 0.0
    seconds = options.seconds or max(30.0, calm_seconds + options.kills * plan.SECONDS_A_KILL)
    if options.outage:
        faults, seconds = plan.outage(options.outage, options.engine), options.outage + _AFTER_OUTAGE_SECONDS
    else:
        faults = plan.draw(seed, kills=options.kills, seconds=seconds, calm=options.calm)
    print(f"Drill with seed {seed}: {len(faults)} faults in {seconds:.0f} s of load, about {seconds + 60:.0f} s in all.")
    report = run(seed=seed, faults=faults, seconds=seconds, events_per_second=options.rate)
    command = " ".join(["python -m tests.drill", *sys.argv[1:], *([] if options.seed is not None else [f"--seed {seed}"])])
    build = PROJECT_ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "drill.json").write_text(json.dumps(asdict(report), indent=1) + "\n")
    if options.keep:
        (PROJECT_ROOT / "docs" / "drill.json").write_text(json.dumps(kept(report), indent=1) + "\n")
        (PROJECT_ROOT / "docs" / "drill.md").write_text(page(report, command))
    _show(report)
    return 0 if report.ok else 1


def _show(report: Report) -> None:
    for name, value in asdict(report).items():
        if name not in ("differences", "worker_deaths"):
            print(f"{name:36} {value}")
    for death in report.worker_deaths:
        print(f"{death['name']} ended by itself with {death['exit_code']}:", *death["last_lines"], sep="\n    ")
    print(*report.differences, sep="\n")
    print("Everything adds up." if report.ok else f"{len(report.differences)} differences: see above and build/drill.json.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="processes killed; stops and rebalances come on top (100)")
    parser.add_argument("--seconds", type=float, help=f"how long the load runs ({plan.SECONDS_A_KILL} s a kill)")
    calm = "one fault of each kind first, far apart, which measures what each costs by itself"
    parser.add_argument("--calm", action=argparse.BooleanOptionalAction, default=True, help=calm)
    parser.add_argument("--outage", type=float, metavar="SECONDS", help="instead: engines dead for this long, once")
    engines = sorted(plan.ENGINE_OF.values())
    parser.add_argument(
        "--engine", action="append", choices=engines, help="of the outage; again for several; all four without it"
    )
    parser.add_argument("--keep", action="store_true", help="write what it found to docs/drill.json and docs/drill.md, too")
    parser.add_argument("--rate", type=float, default=1_000, help="events a second (1000)")
    parser.add_argument("--seed", type=int, help="draws the plan and the events; the same seed, the same drill")
    return parser


if __name__ == "__main__":
    sys.exit(main())
