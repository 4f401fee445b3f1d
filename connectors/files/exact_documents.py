"""JSON and YAML texts as plain values: nothing executed, nothing expanded, nothing guessed, no decimal made binary.

Of YAML, what JSON has too: mappings, lists and scalars. Anchors, aliases, tags and several documents are refused. Plain
scalars are read by the core rules of YAML 1.2: only true and false are booleans, so that the country NO stays a text.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NoReturn

import yaml

from domain.errors import InvalidInput

DEPTH_MAX: Final = 20
_NUMBER_CHARACTERS_MAX: Final = 60
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]{1,3})")
_JSON_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|\n', re.DOTALL)
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str, *, name: str) -> Any:
    """The value of a YAML text. Decimals that are not in quotes are Decimal. Raises InvalidInput with the line."""
    try:
        return _Builder(yaml.parse(text, Loader=_LOADER), name).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(name, mark.line + 1 if mark else 1, error.problem or error.context or "is not YAML")
    except yaml.reader.ReaderError as error:
        _refuse(name, text.count("\n", 0, error.position) + 1, "has a character YAML does not allow: remove it")


def read_json(text: str, *, name: str) -> Any:
    """The value of a JSON text. Decimals are Decimal. Raises InvalidInput with the line."""
    try:
        return json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, text, name),
            parse_float=lambda number: _number(number, name, line=None, whole=False),
            parse_int=lambda number: _number(number, name, line=None, whole=True),
            parse_constant=lambda word: _refuse(name, None, f"{word} is no number"),
        )
    except json.JSONDecodeError as error:
        _refuse(name, error.lineno, f"is not JSON: {error.msg}")
    except RecursionError:
        _refuse(name, None, f"is nested more than {DEPTH_MAX} levels deep")


class _Builder:
    """Values from the events of a YAML text."""

    def __init__(self, events: Iterator[Any], name: str) -> None:
        self._events = events
        self._name = name

    def document(self) -> Any:
        value = None
        found = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if found:
                    self._refuse(event, "a second document begins: one file holds one")
                found = True
                value = self._value(next(self._events), depth=0)
        return value

    def _value(self, event: Any, *, depth: int) -> Any:
        self._refuse_tricks(event)
        if depth > DEPTH_MAX:
            self._refuse(event, f"is nested more than {DEPTH_MAX} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._value(event, depth=depth + 1))
            return items
        return self._mapping(depth)

    def _mapping(self, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._refuse_tricks(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(event, "the name of a field must be a text")
            if event.value in mapping:
                self._refuse(event, f"{event.value[:60]!r} is there twice in one mapping: keep one")
            mapping[event.value] = self._value(next(self._events), depth=depth + 1)
        return mapping

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style:  # in quotes, or a block
            return text
        if text in _NULL:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        line = event.start_mark.line + 1
        if _WHOLE.fullmatch(text):
            return _number(text, self._name, line=line, whole=True)
        return _number(text, self._name, line=line, whole=False) if _DECIMAL.fullmatch(text) else text

    def _refuse_tricks(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._refuse(event, "anchors and aliases are not read: write the values out")
        if getattr(event, "tag", None) is not None:
            self._refuse(event, f"the tag {event.tag[:60]} is not read: leave it out")

    def _refuse(self, event: Any, reason: str) -> NoReturn:
        _refuse(self._name, event.start_mark.line + 1, reason)


def _number(text: str, name: str, *, line: int | None, whole: bool) -> int | Decimal:
    if len(text) > _NUMBER_CHARACTERS_MAX:
        _refuse(name, line, f"{text[:20]}… is a number of {len(text):,} characters: put it in quotes if it is a text")
    return int(text) if whole else Decimal(text)


def _object(pairs: list[tuple[str, Any]], text: str, name: str) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [key for key, _ in pairs]
        double = next(key for key in names if names.count(key) > 1)
        _refuse(name, _line_of_double(text), f"{double[:60]!r} is there twice in one object: keep one")
    return mapping


def _line_of_double(text: str) -> int:
    """Where the first object that names a field twice does so."""
    line = 1
    open_objects: list[set[str]] = []
    last = ""
    for part in _JSON_TOKENS.findall(text):
        if part == "\n":
            line += 1
        elif part in "{[":
            open_objects.append(set())
        elif part in "}]":
            open_objects.pop()
        elif part == ":":
            if json.loads(last) in open_objects[-1]:
                return line
            open_objects[-1].add(json.loads(last))
        elif part != ",":
            last = part
    return line


def _refuse(name: str, line: int | None, reason: str) -> NoReturn:
    where = name if line is None else f"{name}:{line}"
    raise InvalidInput(f"{where}: {reason}")
