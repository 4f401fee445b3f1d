"""Documents on the command line: from a file, from --set and --unset, or from both, the latter on top."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from connectors import wiring
from domain.customers.merge_patch import merge
from domain.errors import InvalidInput

FromFile = Annotated[
    str | None, typer.Option("--file", "-f", help="YAML or JSON; - reads standard input. See docs/customers.md.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE, e.g. tax.gstin=29AABCR1718E1ZL or languages='[en-IN, hi]'. Repeatable."),
]
Unset = Annotated[list[str] | None, typer.Option("--unset", help="A field to go back to its default. Repeatable.")]


def document_from(
    file: str | None, sets: Sequence[str] | None, unsets: Sequence[str] | None = None, **flags: object
) -> object:
    """The document the options make; `flags` are single fields, None when they were not given.

    Values of --set are read as in a file, except that one that is no list or object stays a text.
    """
    document = {} if file is None else wiring.read_document(file)
    if not isinstance(document, Mapping):
        return document  # whoever reads it says what it must be
    for name, value in flags.items():
        if value is not None:
            document = {**document, name: value}
    changes: dict[str, Any] = {}
    for assignment in sets or ():
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise InvalidInput(f"set: {assignment[:80]!r} must be FIELD=VALUE, e.g. email=accounts@acme.example")
        value = wiring.parse_document(text, name=f"--set {path}") if text[:1] in ("[", "{") else text
        _put(changes, path, value)
    merged: dict[str, Any] = merge(document, changes)
    for path in unsets or ():
        _put(merged, path, None)
    return merged


def _put(document: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for name in parents:
        inner = document.get(name)
        document[name] = dict(inner) if isinstance(inner, Mapping) else {}
        document = document[name]
    document[last] = value
