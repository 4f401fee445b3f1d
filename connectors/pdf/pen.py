"""The pen: text, rules and panels on one page, in points from the lower left corner."""

from collections.abc import Sequence
from typing import Any, Final

from connectors.pdf.fonts import Type, width

Colour = tuple[float, float, float]

INK: Final[Colour] = (0.10, 0.12, 0.16)
GREY: Final[Colour] = (0.40, 0.44, 0.50)
RULE: Final[Colour] = (0.84, 0.86, 0.89)
PANEL: Final[Colour] = (0.955, 0.965, 0.98)
ACCENT: Final[Colour] = (0.07, 0.20, 0.42)
AMBER: Final[Colour] = (0.62, 0.36, 0.02)
AMBER_PANEL: Final[Colour] = (1.0, 0.945, 0.84)
WHITE: Final[Colour] = (1.0, 1.0, 1.0)

_SIZE_MIN: Final = 4.0


class Pen:
    """Draws on a reportlab canvas.

    The texts of a page are collected and set in one go above its panels and rules, which is quicker than
    setting each on its own.
    """

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas
        self._texts = canvas.beginText()
        self._style: Type | None = None

    def text(self, x: float, y: float, text: str, style: Type) -> None:
        """One line with its baseline at y, beginning at x."""
        texts = self._texts
        if style != self._style:
            texts.setFont(style.font, style.size)
            texts.setFillColorRGB(*style.colour)
            texts.setCharSpace(style.tracking)
            self._style = style
        texts.setTextOrigin(round(x, 2), round(y, 2))
        texts.textOut(text)

    def text_right(self, x: float, y: float, text: str, style: Type, *, room: float | None = None) -> None:
        """One line ending at x, set smaller when it is wider than `room`."""
        wide = width(text, style)
        if room is not None and wide > room:
            style = shrunk(style, room / wide)
            wide = width(text, style)
        self.text(x - wide, y, text, style)

    def lines_right(self, x: float, y: float, lines: Sequence[str], style: Type, *, leading: float) -> None:
        """Several lines below each other, each ending at x, the first at y."""
        for line in lines:
            self.text_right(x, y, line, style)
            y -= leading

    def lines(self, x: float, y: float, lines: Sequence[str], style: Type, *, leading: float) -> float:
        """Several lines below each other, the first at y. Returns the baseline of the line that would follow."""
        for line in lines:
            self.text(x, y, line, style)
            y -= leading
        return y

    def rule(self, x: float, y: float, wide: float, *, colour: Colour = RULE, thickness: float = 0.5) -> None:
        """A horizontal line."""
        self._canvas.setStrokeColorRGB(*colour)
        self._canvas.setLineWidth(thickness)
        self._canvas.line(round(x, 2), round(y, 2), round(x + wide, 2), round(y, 2))

    def panel(self, x: float, y: float, wide: float, high: float, *, fill: Colour = PANEL, radius: float = 0) -> None:
        """A filled rectangle with its lower left corner at (x, y)."""
        self._canvas.setFillColorRGB(*fill)
        box = (round(x, 2), round(y, 2), round(wide, 2), round(high, 2))
        if radius:
            self._canvas.roundRect(*box, radius, stroke=0, fill=1)
        else:
            self._canvas.rect(*box, stroke=0, fill=1)

    def watermark(self, x: float, y: float, text: str, style: Type) -> None:
        """A text across the page, centred on (x, y), through which the page stays readable."""
        self._canvas.saveState()
        self._canvas.translate(x, y)
        self._canvas.rotate(52)
        self._canvas.setFillColorRGB(*style.colour)
        self._canvas.setFillAlpha(0.09)
        self._canvas.setFont(style.font, style.size)
        self._canvas.drawCentredString(0, -style.size / 3, text)
        self._canvas.restoreState()

    def end_page(self) -> None:
        """Finishes the page and begins the next."""
        self._canvas.drawText(self._texts)
        self._canvas.showPage()
        self._texts = self._canvas.beginText()
        self._style = None


def shrunk(style: Type, factor: float) -> Type:
    """The same type, smaller by a factor, but never too small to read."""
    return Type(max(style.size * factor, _SIZE_MIN), style.colour, bold=style.bold, tracking=style.tracking)
