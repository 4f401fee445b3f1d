"""Fonts: Helvetica for what it can write, DejaVu Sans for the rupee sign and every other letter.

Helvetica is part of every PDF reader, so most of an invoice embeds nothing; only the runs of characters it lacks are
set in DejaVu, which halves the time a page takes.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from domain.errors import WrongSetup

_FALLBACKS: Final = {"Helvetica": "DejaVuSans", "Helvetica-Bold": "DejaVuSans-Bold"}
_IN_HELVETICA: Final = r"\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_RUN: Final = re.compile(f"[{_IN_HELVETICA}]+|[^{_IN_HELVETICA}]+")
_HELVETICA_RUN: Final = re.compile(f"[{_IN_HELVETICA}]*")


@dataclass(frozen=True, slots=True)
class Type:
    """How a text is set: font, size in points and colour (red, green, blue from 0 to 1)."""

    size: float
    colour: tuple[float, float, float]
    bold: bool = False
    tracking: float = 0
    """Extra space after each character, in points."""

    @property
    def font(self) -> str:
        """The name of the font most of the text is set in."""
        return "Helvetica-Bold" if self.bold else "Helvetica"


@cache
def register_fonts() -> None:
    """Makes the DejaVu fonts known to reportlab, once per process. Raises WrongSetup naming what to install."""
    for name in _FALLBACKS.values():
        try:
            pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
        except TTFError as error:
            raise WrongSetup(
                f"the font {name}.ttf is not installed and invoices cannot show ₹; install the package"
                " fonts-dejavu-core (Debian, Ubuntu) or its like"
            ) from error


def runs(text: str, font: str) -> list[tuple[str, str]]:
    """The text cut into (font, characters) runs, each in a font that has them."""
    if text.isascii():
        return [(font, text)]
    return [(font if _HELVETICA_RUN.fullmatch(run) else _FALLBACKS[font], run) for run in _RUN.findall(text)]


def width(text: str, style: Type) -> float:
    """The width of one line of text, in points."""
    points: float = sum(pdfmetrics.stringWidth(run, font, style.size) for font, run in runs(text, style.font))
    return points + style.tracking * len(text)


def wrap(text: str, style: Type, *, room: float, lines_max: int = 12) -> list[str]:
    """The text as lines no wider than `room` points, broken between words and, where one is too long, inside it.

    Text beyond `lines_max` ends in an ellipsis. Line breaks and control characters in the text count as spaces.
    """
    lines: list[str] = []
    current = ""
    for word in text.split():
        joined = f"{current} {word}" if current else word
        if width(joined, style) <= room:
            current = joined
            continue
        if current:
            lines.append(current)
        *full, current = _break_word(word, style, room=room)
        lines += full
    if current or not lines:
        lines.append(current)
    if len(lines) > lines_max:
        lines = [*lines[: lines_max - 1], _break_word(lines[lines_max - 1], style, room=room - 8)[0] + "…"]
    return lines


def _break_word(word: str, style: Type, *, room: float) -> list[str]:
    parts = [""]
    for character in word:
        if parts[-1] and width(parts[-1] + character, style) > room:
            parts.append("")
        parts[-1] += character
    return parts
