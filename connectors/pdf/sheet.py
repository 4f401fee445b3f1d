"""The sheet an invoice is set on: A4, its margins and columns, and the types of text used on it."""

from typing import Final

from connectors.pdf.fonts import Type
from connectors.pdf.pen import ACCENT, AMBER, GREY, INK, WHITE

PAGE_WIDTH: Final = 595.28
PAGE_HEIGHT: Final = 841.89
LEFT: Final = 42.0
RIGHT: Final = PAGE_WIDTH - 42.0
WIDTH: Final = RIGHT - LEFT
TOP: Final = PAGE_HEIGHT - 46.0
BOTTOM: Final = 58.0
"""Where content ends and the footer begins."""

TITLE: Final = Type(18, ACCENT, bold=True)
NAME: Final = Type(12.5, ACCENT, bold=True)
LABEL: Final = Type(6.1, GREY, bold=True, tracking=0.5)
BODY: Final = Type(7.8, INK)
STRONG: Final = Type(7.8, INK, bold=True)
SMALL: Final = Type(6.7, GREY)
SMALL_INK: Final = Type(6.7, INK)
SMALL_STRONG: Final = Type(6.7, INK, bold=True)
TAG: Final = Type(5.2, AMBER, bold=True, tracking=0.3)
BAND_LABEL: Final = Type(6.0, (0.78, 0.84, 0.93), bold=True, tracking=0.5)
BAND_VALUE: Final = Type(10, WHITE, bold=True)
TOTAL: Final = Type(9.5, WHITE, bold=True)
WATERMARK: Final = Type(150, ACCENT, bold=True)

LEADING: Final = 10.4
SMALL_LEADING: Final = 9.4
