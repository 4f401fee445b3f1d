"""Files that people write: plan documents in YAML or JSON, and usage to quote in YAML, JSON or CSV."""

import csv
from pathlib import Path
from typing import Any, Final

from connectors.files.exact_documents import read_json, read_yaml
from domain.errors import InvalidInput, NotFound

FILE_BYTES_MAX: Final = 2 * 1024 * 1024


def read_plan_file(path: Path) -> Any:
    """The document in a .yaml, .yml or .json file. Raises NotFound, or InvalidInput with the line."""
    return _read(path, path.suffix.lower())


def read_usage_file(path: Path) -> Any:
    """As `read_plan_file`; of a .csv file with a heading, a list of its rows, each by column, empty cells left out."""
    if path.suffix.lower() != ".csv":
        return _read(path, path.suffix.lower())
    lines = _text(path).splitlines()
    reader = csv.reader(lines, strict=True)
    try:
        heading = next(reader, [])
        if not heading or "" in heading or len(set(heading)) < len(heading):
            raise InvalidInput(f"{path}:1: must name each column once, e.g. type,quantity,channel")
        rows = []
        for cells in reader:
            if len(cells) > len(heading):
                raise InvalidInput(f"{path}:{reader.line_num}: has {len(cells)} cells and the heading {len(heading)}")
            if cells:
                rows.append({name: cell for name, cell in zip(heading, cells, strict=False) if cell})
    except csv.Error as error:
        raise InvalidInput(f"{path}:{reader.line_num}: is not CSV: {error}") from error
    return rows


def _read(path: Path, suffix: str) -> Any:
    if suffix == ".json":
        return read_json(_text(path), name=str(path))
    if suffix in (".yaml", ".yml"):
        return read_yaml(_text(path), name=str(path))
    raise InvalidInput(f"{path}: is neither a .yaml, a .yml nor a .json file: give it the ending of what it holds")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: there is no such file") from error
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > FILE_BYTES_MAX:
        raise InvalidInput(f"{path}: is larger than {FILE_BYTES_MAX:,} bytes: split the plan")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{path}:{line}: is not UTF-8: save it as UTF-8") from error
