"""The printed tax invoice: A4, every particular of CGST Rule 46, the same bytes for the same invoice."""

import io

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from connectors.pdf.closing import closing_blocks
from connectors.pdf.fonts import register_fonts
from connectors.pdf.lines_table import draw_carry, draw_row, draw_table_head, set_row
from connectors.pdf.pagination import Page, paginate
from connectors.pdf.particulars import draw_first_head, draw_foot, draw_next_head, number_text
from connectors.pdf.pen import Pen
from connectors.pdf.sheet import BOTTOM, PAGE_HEIGHT, PAGE_WIDTH, TOP, WATERMARK
from domain.invoice.model import Invoice, InvoiceStatus

_NEXT_HEAD_HEIGHT = 26.0


def render(invoice: Invoice) -> bytes:
    """The invoice as a PDF; a draft or void one bears a watermark saying so. Raises WrongSetup without its fonts."""
    register_fonts()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=1)
    canvas.setTitle(f"Tax invoice {number_text(invoice)}")
    canvas.setAuthor(invoice.seller.legal_name)
    canvas.setSubject(f"{invoice.account_code} {invoice.month}")
    pen = Pen(canvas)
    y = draw_first_head(pen, invoice)
    printed = invoice.printed_lines()
    pages = paginate(
        [set_row(line) for line in printed],
        closing_blocks(invoice),
        first_room=y - BOTTOM,
        next_room=TOP - _NEXT_HEAD_HEIGHT - BOTTOM,
    )
    carried_minor = 0
    for number, page in enumerate(pages, start=1):
        if number > 1:
            y = draw_next_head(pen, invoice)
        carried_minor = _draw_page(pen, y, page, invoice=invoice, carried_minor=carried_minor)
        draw_foot(pen, invoice, page=number, pages=len(pages))
        if invoice.status is not InvoiceStatus.ISSUED:
            pen.watermark(PAGE_WIDTH / 2, PAGE_HEIGHT / 2, invoice.status.upper(), WATERMARK)
        pen.end_page()
    canvas.save()
    return buffer.getvalue()


def _draw_page(pen: Pen, y: float, page: Page, *, invoice: Invoice, carried_minor: int) -> int:
    """Draws the content of a page from y down. Returns the sum of the charges up to its end, in minor units."""
    currency, printed = invoice.currency, invoice.printed_lines()
    if page.rows:
        y = draw_table_head(pen, y, currency)
        if page.rows[0].line is not printed[0]:
            y = draw_carry(pen, y, "Brought forward", carried_minor, currency=currency)
        for row in page.rows:
            y = draw_row(pen, y, row, currency)
            carried_minor += row.line.amount_minor
        if page.rows[-1].line is not printed[-1]:
            draw_carry(pen, y, "Carried forward", carried_minor, currency=currency)
    for block in page.blocks:
        block.draw(pen, y)
        y -= block.height
    return carried_minor
