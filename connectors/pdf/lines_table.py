"""The table of charges: its columns, its rows, and what is carried from page to page."""

from dataclasses import dataclass
from typing import Final

from connectors.pdf.fonts import Type, width, wrap
from connectors.pdf.pen import AMBER_PANEL, GREY, PANEL, Pen, shrunk
from connectors.pdf.sheet import (
    BODY,
    LEADING,
    LEFT,
    RIGHT,
    SMALL,
    SMALL_LEADING,
    SMALL_STRONG,
    STRONG,
    TAG,
    WIDTH,
)
from connectors.pdf.wording import days_text, month_text, quantity_text
from domain.invoice.model import InvoiceLine
from domain.money import FORMATS, Currency, format_minor, group_digits

HEAD_HEIGHT: Final = 20.0
CARRY_HEIGHT: Final = 17.0

_PADDING: Final = 5.5
_DESCRIPTION_X: Final = LEFT + 24
_DESCRIPTION_WIDTH: Final = 178.0
_LATE_TAG_ROOM: Final = 58.0
_SAC_X: Final = 250.0
_QUANTITY_RIGHT: Final = 348.0
_QUANTITY_WIDTH: Final = 60.0
_RATE_RIGHT: Final = 414.0
_RATE_WIDTH: Final = _RATE_RIGHT - _QUANTITY_RIGHT - 8
_EVENTS_RIGHT: Final = 466.0
_EVENTS_WIDTH: Final = _EVENTS_RIGHT - _RATE_RIGHT - 8
_AMOUNT_WIDTH: Final = RIGHT - 6 - _EVENTS_RIGHT - 8
_HEAD: Final = Type(6.3, GREY, bold=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One charge with its texts broken into lines; heights in points."""

    line: InvoiceLine
    description: tuple[str, ...]
    detail: tuple[str, ...]
    unit: tuple[str, ...]
    rate: tuple[str, ...]
    rate_style: Type
    height: float


def set_row(line: InvoiceLine) -> Row:
    """A charge with its texts broken to the columns' widths."""
    description = wrap(line.description, BODY, room=_DESCRIPTION_WIDTH, lines_max=8)
    detail_room = _DESCRIPTION_WIDTH - (_LATE_TAG_ROOM if line.late else 0)
    when = month_text(line.service_month) if line.service_days is None else days_text(*line.service_days)
    detail = wrap(f"{when} · {line.plan_version}", SMALL, room=detail_room, lines_max=3)
    rate_style = _style_of_rate(line.unit_price_text)
    rate = wrap(line.unit_price_text, rate_style, room=_RATE_WIDTH, lines_max=6)
    unit = wrap(line.unit, SMALL, room=_QUANTITY_WIDTH, lines_max=3)
    high = max(
        len(description) * LEADING + len(detail) * SMALL_LEADING,
        LEADING + len(unit) * SMALL_LEADING,
        len(rate) * LEADING,
    )
    return Row(line, description, detail, unit, rate, rate_style, high + 2 * _PADDING - 1)


def draw_table_head(pen: Pen, top: float, currency: Currency) -> float:
    """The names of the columns. Returns the y below them."""
    bottom = top - HEAD_HEIGHT
    pen.panel(LEFT, bottom, WIDTH, HEAD_HEIGHT, fill=PANEL)
    y = bottom + 7
    pen.text(LEFT + 6, y, "#", _HEAD)
    pen.text(_DESCRIPTION_X, y, "Description of service", _HEAD)
    pen.text(_SAC_X, y, "SAC", _HEAD)
    pen.text_right(_QUANTITY_RIGHT, y, "Quantity", _HEAD)
    pen.text_right(_RATE_RIGHT, y, "Rate", _HEAD)
    pen.text_right(_EVENTS_RIGHT, y, "Events", _HEAD)
    pen.text_right(RIGHT - 6, y, f"Amount ({FORMATS[currency].symbol})", _HEAD)
    return bottom


def draw_row(pen: Pen, top: float, row: Row, currency: Currency) -> float:
    """One charge. Returns the y below it."""
    line = row.line
    y = top - _PADDING - 7.5
    pen.text(LEFT + 6, y, str(line.line_number), SMALL)
    below = pen.lines(_DESCRIPTION_X, y, row.description, BODY, leading=LEADING) + 1
    pen.lines(_DESCRIPTION_X, below, row.detail, SMALL, leading=SMALL_LEADING)
    if line.late:
        last = below - (len(row.detail) - 1) * SMALL_LEADING
        _draw_late_tag(pen, _DESCRIPTION_X + width(row.detail[-1], SMALL) + 6, last)
    pen.text(_SAC_X, y, line.sac, BODY)
    pen.text_right(_QUANTITY_RIGHT, y, quantity_text(line.quantity_millionths, currency), BODY, room=_QUANTITY_WIDTH)
    pen.lines_right(_QUANTITY_RIGHT, y - LEADING + 1, row.unit, SMALL, leading=SMALL_LEADING)
    pen.lines_right(_RATE_RIGHT, y, row.rate, row.rate_style, leading=LEADING)
    pen.text_right(_EVENTS_RIGHT, y, _events_text(line.event_count, currency), BODY, room=_EVENTS_WIDTH)
    pen.text_right(RIGHT - 6, y, amount_text(line.amount_minor, currency), BODY, room=_AMOUNT_WIDTH)
    pen.rule(LEFT, top - row.height, WIDTH)
    return top - row.height


def draw_carry(pen: Pen, top: float, label: str, amount_minor: int, *, currency: Currency) -> float:
    """The sum brought from the page before, or carried to the next. Returns the y below it."""
    y = top - CARRY_HEIGHT + 5.5
    pen.text(_DESCRIPTION_X, y, label, SMALL_STRONG)
    pen.text_right(RIGHT - 6, y, amount_text(amount_minor, currency), STRONG, room=_AMOUNT_WIDTH + 40)
    pen.rule(LEFT, top - CARRY_HEIGHT, WIDTH)
    return top - CARRY_HEIGHT


def amount_text(amount_minor: int, currency: Currency) -> str:
    """An amount in a column whose head names the currency: no symbol."""
    return format_minor(amount_minor, currency).replace(FORMATS[currency].symbol, "", 1)


def _events_text(event_count: int, currency: Currency) -> str:
    """Fees and discounts are of no events of their own."""
    return group_digits(str(event_count), indian=FORMATS[currency].indian_grouping) if event_count else "–"


def _style_of_rate(text: str) -> Type:
    widest = max((width(word, BODY) for word in text.split()), default=0)
    return shrunk(BODY, _RATE_WIDTH / widest) if widest > _RATE_WIDTH else BODY


def _draw_late_tag(pen: Pen, x: float, y: float) -> None:
    text = "LATE USAGE"
    pen.panel(x, y - 2, width(text, TAG) + 7, 9, fill=AMBER_PANEL, radius=2)
    pen.text(x + 3.5, y + 0.4, text, TAG)
