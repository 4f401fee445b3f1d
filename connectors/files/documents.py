"""Documents of customers and accounts that people write: a file, or standard input, in YAML or JSON."""

import sys
from pathlib import Path
from typing import Any, Final

from connectors.files.exact_documents import read_json, read_yaml
from domain.errors import InvalidInput

BYTES_MAX: Final = 1_048_576
STANDARD_INPUT: Final = "-"


def read_document(file: str) -> Any:
    """The value a file holds, or standard input for "-". Raises InvalidInput naming the file and the line."""
    try:
        content = sys.stdin.buffer.read(BYTES_MAX + 1) if file == STANDARD_INPUT else _content(Path(file))
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be read ({error.strerror}): check its path") from error
    if len(content) > BYTES_MAX:
        raise InvalidInput(f"{file}: has more than {BYTES_MAX:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file}: is not UTF-8 (byte {error.start}): save it in that encoding") from error
    return read_json(text, name=file) if file.endswith(".json") else parse_document(text, name=file)


def parse_document(text: str, *, name: str) -> Any:
    """The value of a text in YAML, which JSON is most of. Raises InvalidInput naming the line."""
    return read_yaml(text, name=name)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX + 1)
