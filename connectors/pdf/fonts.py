"""Fonts: DejaVu Sans, embedded, so that an invoice looks the same everywhere and can show the rupee sign.

Measured against Helvetica with DejaVu for ₹ only: the same time and size, since embedding a font costs nearly the same
for one character as for a hundred, and unembedded Helvetica is replaced by whatever the reader's machine has.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from domain.errors import WrongSetup

_REGULAR: Final = "DejaVuSans"
_BOLD: Final = "DejaVuSans-Bold"
_WIDTHS_KEPT: Final = 8192
"""Labels, descriptions and many figures come again from invoice to invoice."""


@dataclass(frozen=True, slots=True)
class Type:
    """How a text is set: size in points, colour (red, green, blue from 0 to 1) and weight."""

    size: float
    colour: tuple[float, float, float]
    bold: bool = False
    tracking: float = 0
    """Extra space after each character, in points."""

    @property
    def font(self) -> str:
        """The name of the font, as registered."""
        return _BOLD if self.bold else _REGULAR


@cache
def register_fonts() -> None:
    """Makes the fonts known to reportlab, once per process. Raises WrongSetup naming what to install."""
    rl_config.useA85 = 0  # streams as bytes, not as text: nothing needs the longer way
    for name in (_REGULAR, _BOLD):
        try:
            pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
        except TTFError as error:
            raise WrongSetup(
                f"the font {name}.ttf is not installed and invoices cannot be printed; install the package"
                " fonts-dejavu-core (Debian, Ubuntu) or its like"
            ) from error


@lru_cache(maxsize=_WIDTHS_KEPT)
def width(text: str, style: Type) -> float:
    """The width of one line of text, in points."""
    points: float = pdfmetrics.stringWidth(text, style.font, style.size)
    return points + style.tracking * len(text)


def wrap(text: str, style: Type, *, room: float, lines_max: int = 12) -> tuple[str, ...]:
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
    lines.append(current)
    if len(lines) > lines_max:
        last = _break_word(lines[lines_max - 1], style, room=room - width("…", style))[0]
        lines = [*lines[: lines_max - 1], last + "…"]
    return tuple(lines)


def _break_word(word: str, style: Type, *, room: float) -> list[str]:
    parts = [""]
    for character in word:
        if parts[-1] and width(parts[-1] + character, style) > room:
            parts.append("")
        parts[-1] += character
    return parts
