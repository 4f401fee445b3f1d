"""What every sub-command prints: a table for a person, or one JSON line for a program (--json)."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.console import Console
from rich.table import Column, Table

from domain.errors import FieldError, Invalid

_FAULTS_MAX: Final = 50
_WIDTH_MAX: Final = 10_000
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON line instead of text.")]
_NAME_MAX: Final = 100


def _author(name: str) -> str:
    if not 0 < len(name.strip()) <= len(name) <= _NAME_MAX or not name.isprintable():
        raise typer.BadParameter(f"must be a name of 1 to {_NAME_MAX} characters that show, e.g. asha")
    return name


By = Annotated[str, typer.Option("--by", callback=_author, help="Who does this: goes into the audit record.")]

# What is printed may be what a producer sent: no text is taken for markup or for the code of an emoji.
console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, soft_wrap=True, markup=False, emoji=False, highlight=False)
# Controls, which a terminal obeys, line ends but for "\n", and what reverses the direction of writing.
_OBEYED: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@contextmanager
def faults_of(file: Path) -> Iterator[None]:
    """Where a command reads several documents: the faults of one begin with its file."""
    try:
        yield
    except Invalid as refused:
        raise Invalid(
            error._replace(path=f"{file}: {error.path}" if error.path else str(file)) for error in refused.errors
        ) from refused


def listed_faults(faults: Sequence[FieldError]) -> Iterator[str]:
    """Faults for a person, a line each, as many as anybody reads."""
    yield from map(str, faults[:_FAULTS_MAX])
    if len(faults) > _FAULTS_MAX:
        yield f"and {len(faults) - _FAULTS_MAX:,} more: mend these first"


def harmless(value: object) -> str:
    """A value as it can be shown on a terminal, whoever wrote it: what a terminal would obey is spelt out."""
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], str(value))


def show(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print facts: as `name  value` lines, or as one JSON line."""
    if as_json:
        typer.echo(json.dumps(facts, default=str))
        return
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        console.print(f"{name.replace('_', ' ').ljust(width)}  {harmless(shown)}")


def show_document(document: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a document as it would be written in a file: YAML, or one JSON line."""
    if as_json:
        typer.echo(json.dumps(document, default=str))
        return
    typer.echo(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=120), nl=False)


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str, limit: int | None = None) -> None:
    """Print rows: as a table, or as one JSON line holding an array; `empty` says what no rows mean.

    `limit` is how many were asked for: when there are so many, there may be more, and a person is told.
    """
    if as_json:
        typer.echo(json.dumps(list(rows), default=str))
        return
    if not rows:
        console.print(empty)
        return
    columns = (Column(name.replace("_", " "), overflow="fold") for name in rows[0])
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else harmless(value).replace("\n", "\\n") for value in row.values()))
    # A terminal folds what is too wide for it; a file or another program gets each row in one line, and whole.
    target = console if console.is_terminal else Console(file=console.file, width=_WIDTH_MAX, markup=False, emoji=False)
    target.print(table, highlight=False)
    if limit is not None and len(rows) >= limit:
        errors.print(f"{limit:,} are shown, and there may be more: --limit says how many", style="dim")
