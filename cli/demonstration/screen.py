"""The demonstration on a terminal: one line a step, a bar while it runs; on a file the same lines without the bars."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from cli.demonstration.proof import Equality
from connectors.clock import monotonic_seconds

WIDTH_MAX: Final = 100
_NAME_WIDTH: Final = 13
_ADDRESS_WIDTH: Final = 23
_TICK: Final = Text("✓", style="bold green")
_CROSS: Final = Text("✗", style="bold red")


class Step:
    """A step under way: `text` is what came of it, `failed` that it came to nothing good."""

    def __init__(self, progress: Progress, task: TaskID, console: Console) -> None:
        self._progress = progress
        self._task = task
        self._console = console
        self._said: str | None = None
        self.text = ""
        self.failed = False
        self.started_seconds = monotonic_seconds()

    def at(self, done: int, total: int, unit: str) -> None:
        """How far it is."""
        self._progress.update(self._task, completed=done, total=max(total, 1), state=f"{done:,} of {total:,} {unit}")

    def doing(self, state: str) -> None:
        """What it does, where there is nothing to count."""
        self._progress.update(self._task, state=state)

    def note(self, text: str) -> None:
        """A line of its own that stays; the same one twice is said once."""
        if text != self._said:
            self._said = text
            self._progress.console.print(f"      {text}", style="dim", markup=False, soft_wrap=True)


class Screen:
    """Where the demonstration writes."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(quiet=quiet, highlight=False)
        # A pipe has no width of its own: what is written to a file is laid out as on a terminal of the usual width.
        if not self.console.is_terminal or self.console.width > WIDTH_MAX:
            self.console = Console(quiet=quiet, highlight=False, width=WIDTH_MAX)

    def title(self, left: str, right: str) -> None:
        """The first line."""
        line = Table.grid(expand=True)
        line.add_column()
        line.add_column(justify="right")
        line.add_row(Text(left, style="bold"), Text(right, style="dim"))
        self.console.print()
        self.console.print(line)
        self.console.print()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A step: set `text` to what came of it. Left by an exception it is crossed out."""
        columns = (
            TextColumn(" "),
            SpinnerColumn(),
            TextColumn(name.ljust(_NAME_WIDTH)),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[state]}"),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            step = Step(progress, progress.add_task("", total=None, state=""), self.console)
            try:
                yield step
            except BaseException:
                progress.stop()
                self._line(_CROSS, name, step)
                raise
        self._line(_CROSS if step.failed else _TICK, name, step)

    def _line(self, mark: Text, name: str, step: Step) -> None:
        line = Table.grid(expand=True, padding=(0, 1))
        line.add_column(width=3, justify="right")
        line.add_column(width=_NAME_WIDTH)
        line.add_column(ratio=1)
        line.add_column(justify="right", width=8)
        seconds = f"{monotonic_seconds() - step.started_seconds:.1f} s"
        line.add_row(mark, Text(name, style="bold"), Text(step.text), Text(seconds, style="dim"))
        self.console.print(line)

    def counts(self, title: str, rows: Sequence[Mapping[str, str]]) -> None:
        """A table of figures: the first column names the row."""
        self._heading(title)
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
        table.add_column(" ", no_wrap=True)
        for name in list(rows[0])[1:]:
            table.add_column(name, justify="right", no_wrap=True, min_width=11)
        for row in rows:
            first, *rest = row.values()
            table.add_row(f"    {first}", *rest)
        self.console.print(table)

    def proof(self, equalities: Sequence[Equality]) -> None:
        """Each equality with its mark."""
        self._heading("Proof")
        width = max(len(equality.name) for equality in equalities)
        for equality in equalities:
            line = Text.assemble("  ", _TICK if equality.holds else _CROSS, f" {equality.name.ljust(width)}  ")
            if equality.holds:
                self.console.print(line.append(equality.detail, style="dim"), soft_wrap=True)
            else:
                line.stylize("bold red")
                self.console.print(line)
                self.console.print(f"      {equality.detail}", style="red", markup=False, soft_wrap=True)

    def places(self, title: str, places: Sequence[tuple[str, str, str]]) -> None:
        """Where things are: name, address, how to look."""
        self._heading(title)
        for name, address, how in places:
            line = Text(f"    {name.ljust(_NAME_WIDTH)} {address.ljust(_ADDRESS_WIDTH)}")
            self.console.print(line.append(f" {how}".rstrip(), style="dim"), soft_wrap=True)

    def say(self, text: str, *, style: str = "") -> None:
        """A sentence."""
        self.console.print(f"\n  {text}", style=style, markup=False)

    def _heading(self, title: str) -> None:
        self.console.print()
        self.console.print(Text(f"  {title}", style="bold"))
