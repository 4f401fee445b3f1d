"""Reading the objects of a document field by field: each is checked, every fault is collected, no field goes unread.

A field that is wrong is remembered as a fault and read as None, so that reading carries on; whoever began the document
refuses it at the end (`Faults.refuse_if_any`).
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

from domain.errors import Faults

TEXT_MAX: Final = 256
_SHOWN_MAX: Final = 60
_GUESSED_AMONG_MAX: Final = 500
_GUESSED_AFTER_MAX: Final = 50
"""Known names, and faults found before, up to which the name somebody meant is looked for: guessing is not for free."""
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""Characters no database text can hold."""


class Fields:
    """One object of a document, at `path`. Anything but an object is a fault, and reads as one without fields."""

    __slots__ = ("_document", "_out_of_place", "_taken", "faults", "is_object", "path")

    def __init__(self, document: object, *, path: str, faults: Faults) -> None:
        self.path: Final = path
        self.faults: Final = faults
        # A dict is told from the rest three times as fast as a Mapping, and a plan has thousands.
        self.is_object: Final = isinstance(document, (dict, Mapping))
        self._document: Mapping[Any, Any] = document if self.is_object else {}  # type: ignore[assignment]
        self._taken: set[str] = set()
        self._out_of_place: set[str] = set()
        if not self.is_object:
            faults.add(path, f"must be an object with named fields, not {shown(document)}")

    def take(self, name: str) -> Any:
        """The raw value of a field, None when it is missing or null; it counts as known from now on."""
        self._taken.add(name)
        return self._document.get(name)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._document.get(name) is not None

    def lacks(self, names: frozenset[str]) -> bool:
        """Whether none of some fields is there, which are known from now on."""
        self._taken |= names
        return names.isdisjoint(self._document)

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, reason: str) -> None:
        """Remember what is wrong with a field. Of something that is no object, nothing more is said."""
        if self.is_object:
            self.faults.add(self.at(name), reason)

    def out_of_place(self, name: str, reason: str) -> None:
        """A field others of its kind have, refused here with its own reason instead of as unknown."""
        self._out_of_place.add(name)
        if self.has(name):
            self.fault(name, reason)

    def text(self, name: str, *, required: bool = True) -> str | None:
        """A text of 1 to 256 characters."""
        value = self.take(name)
        if value is None and not required:
            return None
        if isinstance(value, str) and 0 < len(value) <= TEXT_MAX and not UNSTORABLE.search(value):
            return value
        self.fault(name, f"must be a text of 1 to {TEXT_MAX} characters" + but_is(value))
        return None

    def choice(self, name: str, among: Collection[str], *, default: str | None = None) -> str | None:
        """One of the named values; without a default the field is required."""
        value = self.take(name)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value in among:
            return value
        self.fault(name, f"must be one of {', '.join(among)}" + but_is(value))
        return None

    def boolean(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(name, f"must be true or false{but_is(value)}")
            return default
        return value

    def whole(self, name: str, *, least: int, most: int, default: int | None = None) -> int | None:
        """A whole number in a range; without a default the field is required."""
        value = self.take(name)
        if value is None and default is not None:
            return default
        if type(value) is int and least <= value <= most:
            return value
        self.fault(name, f"must be a whole number from {least:,} to {most:,}" + but_is(value))
        return None

    def rows(self, name: str, *, most: int, what: str) -> list[Any]:
        """A list of at least one and at most `most` entries, called `what` where there are none."""
        value = self.take(name)
        if not isinstance(value, list) or not value:
            self.fault(name, f"needs at least one {what}")
            return []
        if len(value) > most:
            self.fault(name, f"has {len(value):,} entries, at most {most:,} are read: join some")
            return []
        return value

    def refuse_unknown(self) -> None:
        """The end of an object: a field nobody asked for and a field left empty are faults.

        A misspelt option, or one whose value was forgotten, would silently be its default.
        """
        if self._document.keys() <= self._taken and None not in self._document.values():
            return  # as almost all are, and a plan has thousands
        for name, value in self._document.items():
            if value is None and name in self._taken and not self.faults.has(self.at(name)):
                self.fault(name, "has no value: give it one, or leave the field out")
            if name not in self._taken and name not in self._out_of_place:
                known = sorted(self._taken)
                self.fault(
                    str(name)[:_SHOWN_MAX] if isinstance(name, str) else shown(name),
                    f"unknown field{guess(name, known, faults=self.faults)}; known are {', '.join(known)}",
                )


def guess(name: object, known: Collection[str], *, faults: Faults) -> str:
    """The middle of a sentence about a name nobody knows: the known one it may be a misspelling of; empty for none."""
    if not isinstance(name, str) or len(name) > _SHOWN_MAX or len(known) > _GUESSED_AMONG_MAX:
        return ""
    if len(faults) > _GUESSED_AFTER_MAX:  # nobody reads the guesses, and somebody may have made it to keep us guessing
        return ""
    close = get_close_matches(name, known, n=1, cutoff=3 / 4)
    return f" (did you mean {close[0]!r}?)" if close else ""


def shown(value: object) -> str:
    """A value of a document as it can be said in a sentence, however large or deep it is."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else "a number of more than 38 digits"
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN_MAX else f"{value[:_SHOWN_MAX]!r}…"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return str(value)[:_SHOWN_MAX]


def but_is(value: object) -> str:
    """The end of a sentence that said what a value must be: what it is instead."""
    return "; it is missing" if value is None else f", not {shown(value)}"
