"""The printed receipt or refund voucher: one A4 page with every particular of Rules 50 and 51, the same bytes each time."""

import io
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from connectors.pdf.amount_in_words import amount_in_words
from connectors.pdf.closing import legend_block
from connectors.pdf.countries import country_name
from connectors.pdf.fonts import Type, register_fonts, wrap
from connectors.pdf.lines_table import amount_text
from connectors.pdf.particulars import SUPPLY_NAMES, draw_band, draw_buyer, draw_facts, draw_page_foot, draw_seller
from connectors.pdf.pen import ACCENT, GREY, PANEL, Pen
from connectors.pdf.sheet import (
    BODY,
    LABEL,
    LEADING,
    LEFT,
    RIGHT,
    SMALL,
    SMALL_INK,
    SMALL_LEADING,
    SMALL_STRONG,
    STRONG,
    TITLE,
    TOP,
    TOTAL,
    WIDTH,
)
from connectors.pdf.wording import day_text, rate_text, state_text
from domain.money import FORMATS, format_minor
from domain.voucher import DESCRIPTION, VoucherDocument, VoucherKind

_HEAD: Final = Type(6.3, GREY, bold=True)
_TOTALS_WIDTH: Final = 236.0
_TOTALS_X: Final = RIGHT - _TOTALS_WIDTH
_ROW: Final = 16.0
_BAND: Final = 22.0
_INDIA: Final = "IN"
_TITLES: Final = {VoucherKind.RECEIPT: "RECEIPT VOUCHER", VoucherKind.REFUND: "REFUND VOUCHER"}
_RULES: Final = {
    VoucherKind.RECEIPT: "Section 31(3)(d) of the CGST Act, 2017, with Rule 50 of the CGST Rules",
    VoucherKind.REFUND: "Section 31(3)(e) of the CGST Act, 2017, with Rule 51 of the CGST Rules",
}
_AMOUNTS: Final = {VoucherKind.RECEIPT: "Advance received", VoucherKind.REFUND: "Advance refunded"}
_NOTES: Final = {
    VoucherKind.RECEIPT: (
        "This is a voucher for an advance, not a tax invoice. The services used are invoiced month by month, and each tax "
        "invoice sets this advance, and the tax paid on it, off."
    ),
    VoucherKind.REFUND: (
        "No services were supplied and no tax invoice was issued for the amount refunded. The tax on it is reversed with "
        "this voucher."
    ),
}


def render_voucher(voucher: VoucherDocument) -> bytes:
    """The voucher as a PDF. Raises WrongSetup without its fonts."""
    register_fonts()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=1)
    canvas.setTitle(f"{_TITLES[voucher.kind].capitalize()} {voucher.number}")
    canvas.setAuthor(voucher.seller.legal_name)
    canvas.setSubject(voucher.account_code)
    pen = Pen(canvas)
    y = _draw_table(pen, _draw_head(pen, voucher), voucher)
    y = _draw_totals(pen, y - 10, voucher)
    y = _draw_words(pen, y - 8, voucher)
    if voucher.legend is not None:
        block = legend_block(voucher.legend)
        block.draw(pen, y)
        y -= block.height
    _draw_end(pen, y - 6, voucher)
    draw_page_foot(pen, voucher.seller, account_code=voucher.account_code, page=1, pages=1)
    pen.end_page()
    canvas.save()
    return buffer.getvalue()


def _draw_head(pen: Pen, voucher: VoucherDocument) -> float:
    pen.text_right(RIGHT, TOP - 10, _TITLES[voucher.kind], TITLE)
    pen.text_right(RIGHT, TOP - 24, "ORIGINAL FOR RECIPIENT", LABEL)
    y = draw_seller(pen, voucher.seller, TOP - 6)
    cells = [("VOUCHER NUMBER", voucher.number), ("DATE OF ISSUE", day_text(voucher.issue_date))]
    if voucher.receipt is not None:
        cells.append(("AGAINST RECEIPT VOUCHER", voucher.receipt[0]))
    amount = format_minor(voucher.total_minor, voucher.currency)
    y = draw_band(pen, y - 8, cells, total=(_AMOUNTS[voucher.kind].upper(), amount))
    label = "RECEIVED FROM" if voucher.kind is VoucherKind.RECEIPT else "REFUNDED TO"
    below = draw_buyer(pen, voucher.buyer, y - 20, label=label)
    return min(below, draw_facts(pen, "DETAILS", _facts(voucher), y - 20)) - 6


def _facts(voucher: VoucherDocument) -> list[tuple[str, str]]:
    facts = [
        ("Place of supply", state_text(voucher.place_of_supply)),
        ("Type of supply", SUPPLY_NAMES.get(voucher.supply_type, voucher.supply_type)),
        ("Reverse charge", "No"),
        ("Paid through", voucher.gateway.replace("_", " ").capitalize()),
        ("Payment", voucher.payment),
        ("Account", voucher.account_code),
        ("Currency", str(voucher.currency)),
    ]
    if voucher.buyer.country != _INDIA:
        facts.insert(1, ("Destination", country_name(voucher.buyer.country)))
    if voucher.receipt is not None:
        number, on = voucher.receipt
        facts.insert(0, ("Receipt voucher", f"{number} of {day_text(on)}"))
    return facts


def _draw_table(pen: Pen, top: float, voucher: VoucherDocument) -> float:
    y = top - 20
    pen.panel(LEFT, y, WIDTH, 20, fill=PANEL)
    pen.text(LEFT + 6, y + 7, "Description of service", _HEAD)
    pen.text(LEFT + 300, y + 7, "SAC", _HEAD)
    heading = f"Taxable value of the {'advance' if voucher.kind is VoucherKind.RECEIPT else 'refund'}"
    pen.text_right(RIGHT - 6, y + 7, f"{heading} ({FORMATS[voucher.currency].symbol})", _HEAD)
    lines = wrap(DESCRIPTION, BODY, room=280)
    pen.lines(LEFT + 6, y - 13, lines, BODY, leading=LEADING)
    pen.text(LEFT + 300, y - 13, voucher.sac, BODY)
    pen.text_right(RIGHT - 6, y - 13, amount_text(voucher.taxable_minor, voucher.currency), BODY)
    y -= 10 + LEADING * len(lines)
    pen.rule(LEFT, y, WIDTH)
    return y


def _draw_totals(pen: Pen, top: float, voucher: VoucherDocument) -> float:
    currency, y = voucher.currency, top
    rows = [("Taxable value", voucher.taxable_minor)]
    rows += [(f"{tax.head} @ {rate_text(tax.rate_basis_points)}", tax.tax_minor) for tax in voucher.taxes]
    for label, minor in rows:
        pen.text(_TOTALS_X + 10, y - 11, label, BODY)
        pen.text_right(RIGHT - 10, y - 11, format_minor(minor, currency), BODY)
        y -= _ROW
    y -= 4
    pen.panel(_TOTALS_X, y - _BAND, _TOTALS_WIDTH, _BAND, fill=ACCENT, radius=3)
    pen.text(_TOTALS_X + 10, y - 14.5, _AMOUNTS[voucher.kind], TOTAL)
    pen.text_right(RIGHT - 10, y - 14.5, format_minor(voucher.total_minor, currency), TOTAL, room=112)
    return y - _BAND


def _draw_words(pen: Pen, top: float, voucher: VoucherDocument) -> float:
    pen.text(LEFT, top - 10, f"{_AMOUNTS[voucher.kind].upper()} IN WORDS", LABEL)
    lines = wrap(amount_in_words(voucher.total_minor, voucher.currency), STRONG, room=WIDTH)
    return pen.lines(LEFT, top - 22, lines, STRONG, leading=11)


def _draw_end(pen: Pen, top: float, voucher: VoucherDocument) -> None:
    room = WIDTH - _TOTALS_WIDTH - 22
    notes = [*wrap(_NOTES[voucher.kind], SMALL_INK, room=room), *wrap(f"{_RULES[voucher.kind]}.", SMALL_INK, room=room)]
    pen.text(LEFT, top - 18, "NOTES", LABEL)
    pen.lines(LEFT, top - 30, notes, SMALL_INK, leading=SMALL_LEADING)
    signer = wrap(f"For {voucher.seller.legal_name}", SMALL_STRONG, room=_TOTALS_WIDTH, lines_max=3)
    pen.lines(_TOTALS_X, top - 18, signer, SMALL_STRONG, leading=SMALL_LEADING)
    foot = top - SMALL_LEADING * len(signer) - 50
    pen.rule(_TOTALS_X, foot, _TOTALS_WIDTH, colour=GREY)
    pen.text(_TOTALS_X, foot - 9, "Authorised signatory", SMALL)
