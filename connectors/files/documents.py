"""Documents people write: a file in YAML or JSON as plain values, nothing a file could do to the one who reads it.

YAML is read as JSON is: texts, whole numbers, decimals as Decimal, true, false and null. No anchors and aliases (with which
a few lines unfold into gigabytes), no tags, no dates, no key twice; `no` is Norway, not false.
"""

import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from domain.errors import InvalidInput

BYTES_MAX: Final = 1_048_576
DEPTH_MAX: Final = 20
STANDARD_INPUT: Final = "-"


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, left with what JSON has."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012 - the class attribute PyYAML looks at

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuses aliases, and nesting that would exhaust the stack."""
        if self.check_event(yaml.events.AliasEvent):
            raise _refusal(self.peek_event(), "anchors and aliases are not read: write the value out")  # type: ignore[no-untyped-call]
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > DEPTH_MAX:
            raise _refusal(self.peek_event(), f"nested deeper than {DEPTH_MAX} levels")  # type: ignore[no-untyped-call]
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Refuses a key that stands twice, and keys that are no texts."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal(key, "a name must be a text")
            if key.value in seen:
                raise _refusal(key, f"{key.value[:80]!r} stands twice: write it once")
            seen.add(key.value)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


def _refuse(_loader: yaml.SafeLoader, node: Any) -> None:
    raise _refusal(node, f"the tag {node.tag} is not read: write a text, a number, a list or an object")


def _decimal(loader: yaml.SafeLoader, node: Any) -> Decimal:
    return Decimal(loader.construct_scalar(node))


def _whole(loader: yaml.SafeLoader, node: Any) -> int | str:
    return _whole_of(str(loader.construct_scalar(node)))


def _whole_of(digits: str) -> int | str:
    """A number of more digits than any field takes stays a text: as a number it would only be expensive."""
    return int(digits) if len(digits) <= 40 else digits


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


_RESOLVERS: Final = (
    ("tag:yaml.org,2002:null", r"(?:null|~|)", ["n", "~", ""]),
    ("tag:yaml.org,2002:bool", r"(?:true|false)", ["t", "f"]),
    ("tag:yaml.org,2002:int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    ("tag:yaml.org,2002:float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+", list("-0123456789")),
)
for _tag, _shape, _firsts in _RESOLVERS:
    _Loader.add_implicit_resolver(_tag, re.compile(f"{_shape}$"), _firsts)
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
for _tag in ("binary", "timestamp", "omap", "pairs", "set"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _refuse)


_JSON: Final = json.JSONDecoder(object_pairs_hook=_once_each, parse_float=Decimal, parse_int=_whole_of, parse_constant=str)


def read_document(file: str) -> object:
    """The value a file holds, or standard input for "-". Raises InvalidInput naming the file and the place."""
    try:
        content = sys.stdin.buffer.read(BYTES_MAX + 1) if file == STANDARD_INPUT else _content(Path(file))
    except OSError as error:
        raise InvalidInput(f"file: {file} cannot be read ({error.strerror}): check its path") from error
    if len(content) > BYTES_MAX:
        raise InvalidInput(f"file: {file} has more than {BYTES_MAX:,} bytes")
    try:
        return parse_document(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"file: {file} is not UTF-8 (byte {error.start}): save it in that encoding") from error
    except InvalidInput as error:
        raise InvalidInput(f"file: {file}, {error}") from error


def parse_document(text: str) -> object:
    """The value a text in YAML or JSON stands for. Raises InvalidInput naming line and column."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(
                text, object_pairs_hook=_once_each, parse_float=Decimal, parse_constant=str, parse_int=_whole_of
            )
        except (ValueError, RecursionError):
            pass  # YAML in braces, or what is wrong is told with line and column
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader, with less
    except yaml.MarkedYAMLError as error:
        where = (
            ""
            if error.problem_mark is None
            else f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: "
        )
        raise InvalidInput(f"{where}{error.problem or 'it is not YAML'}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput(f"it is not YAML: {str(error).splitlines()[0][:200]}") from error


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX + 1)


def _refusal(node: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
