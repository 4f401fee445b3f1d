"""What every sub-command prints: a table for a person, or one JSON line for a program (--json)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.console import Console
from rich.table import Table

from domain.errors import FieldError, Invalid

_FAULTS_MAX: Final = 50
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON line instead of text.")]
_NAME_MAX: Final = 100


def _author(name: str) -> str:
    if not 0 < len(name.strip()) <= len(name) <= _NAME_MAX or not name.isprintable():
        raise typer.BadParameter(f"must be a name of 1 to {_NAME_MAX} characters that show, e.g. asha")
    return name


By = Annotated[str, typer.Option("--by", callback=_author, help="Who does this: goes into the audit record.")]

console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


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


def show(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print facts: as `name  value` lines, or as one JSON line."""
    if as_json:
        typer.echo(json.dumps(facts, default=str))
        return
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        console.print(f"{name.replace('_', ' ').ljust(width)}  {shown}", markup=False, highlight=False)


def show_document(document: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a document as it would be written in a file: YAML, or one JSON line."""
    if as_json:
        typer.echo(json.dumps(document, default=str))
        return
    typer.echo(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=120), nl=False)


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print rows: as a table, or as one JSON line holding an array; `empty` says what no rows mean."""
    if as_json:
        typer.echo(json.dumps(list(rows), default=str))
        return
    if not rows:
        console.print(empty)
        return
    table = Table(*(name.replace("_", " ") for name in rows[0]), box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)
