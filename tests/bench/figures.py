"""A measured figure, its bar and its surroundings; the table and build/bench.json."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from connectors.settings import PROJECT_ROOT

RESULT = PROJECT_ROOT / "build" / "bench.json"
TRIAL = PROJECT_ROOT / "build" / "bench-trial.json"
"""Where figures of a shortened run go, which count for nothing."""


@dataclass(frozen=True)
class Figure:
    """One row of build/bench.json. `bar` is None for a figure that is only compared with."""

    name: str
    value: float
    unit: str
    bar: str | None
    met: bool | None
    compared_with: str
    conditions: str
    measured_now: bool = True
    """False for a figure that is known from elsewhere; `conditions` says from where."""


def at_least(name: str, value: float, unit: str, bar: float, *, compared_with: str = "", conditions: str = "") -> Figure:
    """A figure whose bar is a minimum."""
    return Figure(name, round(value, 2), unit, f">= {bar:g}", value >= bar, compared_with, conditions)


def at_most(name: str, value: float, unit: str, bar: float, *, compared_with: str = "", conditions: str = "") -> Figure:
    """A figure whose bar is a maximum."""
    return Figure(name, round(value, 2), unit, f"<= {bar:g}", value <= bar, compared_with, conditions)


def observed(name: str, value: float, unit: str, *, compared_with: str = "", conditions: str = "") -> Figure:
    """A figure without a bar: a peer, a limit, a share."""
    return Figure(name, round(value, 2), unit, None, None, compared_with, conditions)


def known(name: str, value: float, unit: str, *, conditions: str) -> Figure:
    """A figure that was not measured in this run."""
    return Figure(name, value, unit, None, None, "", conditions, measured_now=False)


Benchmark = Callable[[float], list[Figure]]
"""Measures; takes the portion of the full length to run, 1 for what counts."""


def under(surroundings: str, figures: Iterable[Figure]) -> list[Figure]:
    """Figures that say where they were measured."""
    return [
        replace(figure, conditions="; ".join(filter(None, (figure.conditions, surroundings))))
        if figure.measured_now
        else figure
        for figure in figures
    ]


def record(figures: list[Figure], path: Path = RESULT) -> None:
    """Write figures, replacing those of the same name from an earlier run."""
    path.parent.mkdir(exist_ok=True)
    earlier = json.loads(path.read_text()) if path.exists() else []
    names = {figure.name for figure in figures}
    rows = [row for row in earlier if row["name"] not in names] + [asdict(figure) for figure in figures]
    path.write_text(json.dumps(sorted(rows, key=lambda row: row["name"]), indent=1, ensure_ascii=False) + "\n")


def show(figures: list[Figure]) -> None:
    """Print figures as a table."""
    table = Table("figure", "value", "unit", "bar", "met", "compared with", box=None, header_style="bold", pad_edge=False)
    for figure in figures:
        mark = {True: "yes", False: "NO", None: ""}[figure.met]
        table.add_row(figure.name, f"{figure.value:,g}", figure.unit, figure.bar or "", mark, figure.compared_with)
    Console(width=150).print(table)
