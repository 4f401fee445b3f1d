"""How an invoice ends: tax summary, totals, amount in words, endorsements, how to pay, and the signature."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from connectors.pdf.amount_in_words import amount_in_words
from connectors.pdf.fonts import Type, width, wrap
from connectors.pdf.lines_table import amount_text
from connectors.pdf.pen import ACCENT, GREY, PANEL, Pen
from connectors.pdf.sheet import (
    BODY,
    LABEL,
    LEFT,
    RIGHT,
    SMALL,
    SMALL_INK,
    SMALL_LEADING,
    SMALL_STRONG,
    STRONG,
    TOTAL,
    WIDTH,
)
from connectors.pdf.wording import rate_text
from domain.invoice.model import Invoice
from domain.invoice.tax_summary import SacSummary, summarise_by_sac
from domain.money import MINOR_PER_UNIT, Currency, format_minor

_TOTALS_WIDTH: Final = 214.0
_TOTALS_X: Final = RIGHT - _TOTALS_WIDTH
_SUMMARY_WIDTH: Final = WIDTH - _TOTALS_WIDTH - 22
_SUMMARY_ROW: Final = 15.0
_TOTALS_ROW: Final = 16.0
_BAND_ROW: Final = 22.0
_SUMMARY_HEAD: Final = Type(6.0, GREY, bold=True)
_LEGEND: Final = Type(6.6, ACCENT, bold=True)


@dataclass(frozen=True, slots=True)
class Block:
    """A part that stays together on one page: its height, and how it is drawn from a y downwards."""

    height: float
    draw: Callable[[Pen, float], None]


def closing_blocks(invoice: Invoice) -> list[Block]:
    """The parts after the charges, in order."""
    blocks = [_sums(invoice), _words(invoice)]
    if invoice.legend is not None:
        blocks.append(legend_block(invoice.legend))
    blocks.append(_payment_and_signature(invoice))
    return blocks


def _sums(invoice: Invoice) -> Block:
    summaries = summarise_by_sac(invoice)
    summary_height = 14 + _SUMMARY_ROW * (len(summaries) + 2)
    totals_rows = 2 + len(invoice.taxes) + (1 if invoice.prepaid_minor else 0)
    totals_height = _TOTALS_ROW * totals_rows + _BAND_ROW + 4

    def draw(pen: Pen, top: float) -> None:
        _draw_summary(pen, top - 20, invoice, summaries)
        _draw_totals(pen, top - 10, invoice)

    return Block(max(summary_height, totals_height) + 24, draw)


def _draw_summary(pen: Pen, top: float, invoice: Invoice, summaries: tuple[SacSummary, ...]) -> None:
    currency = invoice.currency
    pen.text(LEFT, top, "TAX SUMMARY BY SAC", LABEL)
    columns = 2 + len(invoice.taxes)
    step = (_SUMMARY_WIDTH - 44) / columns
    rights = [LEFT + 44 + step * (index + 1) - 4 for index in range(columns)]
    heads = ["Taxable value", *(f"{t.head} {rate_text(t.rate_basis_points)}" for t in invoice.taxes), "Total tax"]
    y = top - 6 - _SUMMARY_ROW
    pen.panel(LEFT, y, _SUMMARY_WIDTH, _SUMMARY_ROW, fill=PANEL)
    pen.text(LEFT + 4, y + 5, "SAC", _SUMMARY_HEAD)
    for right, head in zip(rights, heads, strict=True):
        pen.text_right(right, y + 5, head, _SUMMARY_HEAD, room=step - 4)
    heads_total = tuple(tax.tax_minor for tax in invoice.taxes)
    total = SacSummary("Total", invoice.subtotal_minor, heads_total)
    for summary in (*summaries, total):
        y -= _SUMMARY_ROW
        style = SMALL_STRONG if summary is total else SMALL_INK
        pen.text(LEFT + 4, y + 5, summary.sac, style)
        for right, amount in zip(rights, (summary.taxable_minor, *summary.tax_minor, sum(summary.tax_minor)), strict=True):
            pen.text_right(right, y + 5, amount_text(amount, currency), style, room=step - 4)
        pen.rule(LEFT, y, _SUMMARY_WIDTH)


def _draw_totals(pen: Pen, top: float, invoice: Invoice) -> None:
    currency = invoice.currency
    y = top
    facts = [("Taxable value", invoice.subtotal_minor)]
    facts += [(f"{tax.head} @ {rate_text(tax.rate_basis_points)}", tax.tax_minor) for tax in invoice.taxes]
    for label, amount in facts:
        y = _draw_total(pen, y, label, format_minor(amount, currency), style=BODY)
    y -= 4
    pen.panel(_TOTALS_X, y - _BAND_ROW, _TOTALS_WIDTH, _BAND_ROW, fill=ACCENT, radius=3)
    pen.text(_TOTALS_X + 10, y - 14.5, "Invoice total", TOTAL)
    pen.text_right(RIGHT - 10, y - 14.5, format_minor(invoice.total_minor, currency), TOTAL, room=112)
    y -= _BAND_ROW + 3
    if invoice.prepaid_minor:
        paid = format_minor(-invoice.prepaid_minor, currency)
        y = _draw_total(pen, y, "Less: paid from prepaid wallet", paid, style=BODY)
        pen.rule(_TOTALS_X, y - 1, _TOTALS_WIDTH)
        y -= 2
    _draw_total(pen, y, "Amount due", format_minor(invoice.due_minor, currency), style=STRONG)


def _draw_total(pen: Pen, top: float, label: str, amount: str, *, style: Type) -> float:
    pen.text(_TOTALS_X + 10, top - 11, label, style)
    room = _TOTALS_WIDTH - 20 - width(label, style) - 8
    pen.text_right(RIGHT - 10, top - 11, amount, style, room=room)
    return top - _TOTALS_ROW


def _words(invoice: Invoice) -> Block:
    lines = wrap(amount_in_words(invoice.total_minor, invoice.currency), STRONG, room=WIDTH)
    note = _rounding_note(invoice)

    def draw(pen: Pen, top: float) -> None:
        pen.text(LEFT, top - 10, "INVOICE TOTAL IN WORDS", LABEL)
        y = pen.lines(LEFT, top - 22, lines, STRONG, leading=11)
        if note:
            pen.text(LEFT, y, note, SMALL)

    return Block(20 + 11 * len(lines) + (10 if note else 0), draw)


def _rounding_note(invoice: Invoice) -> str | None:
    amounts = (*(line.amount_minor for line in invoice.lines), *(tax.tax_minor for tax in invoice.taxes))
    if invoice.currency is not Currency.IDR or not any(amount % MINOR_PER_UNIT for amount in amounts):
        return None
    return "Amounts are shown to the whole rupiah; the total is the exact sum, rounded once."


def legend_block(legend: str) -> Block:
    """The endorsement of an export or of a supply to an SEZ."""
    lines = wrap(legend, _LEGEND, room=WIDTH - 24)
    high = SMALL_LEADING * len(lines) + 11

    def draw(pen: Pen, top: float) -> None:
        pen.panel(LEFT, top - 8 - high, WIDTH, high, fill=PANEL)
        pen.panel(LEFT, top - 8 - high, 3, high, fill=ACCENT)
        pen.lines(LEFT + 14, top - 20, lines, _LEGEND, leading=SMALL_LEADING)

    return Block(high + 10, draw)


def _payment_and_signature(invoice: Invoice) -> Block:
    room = WIDTH - _TOTALS_WIDTH - 22
    payment = [line for text in _payment_texts(invoice) for line in wrap(text, SMALL_INK, room=room)]
    signer = wrap(f"For {invoice.seller.legal_name}", SMALL_STRONG, room=_TOTALS_WIDTH, lines_max=3)
    high = max(14 + SMALL_LEADING * len(payment), SMALL_LEADING * len(signer) + 46)

    def draw(pen: Pen, top: float) -> None:
        pen.text(LEFT, top - 18, "PAYMENT", LABEL)
        pen.lines(LEFT, top - 30, payment, SMALL_INK, leading=SMALL_LEADING)
        pen.lines(_TOTALS_X, top - 18, signer, SMALL_STRONG, leading=SMALL_LEADING)
        pen.rule(_TOTALS_X, top - high - 4, _TOTALS_WIDTH, colour=GREY)
        pen.text(_TOTALS_X, top - high - 13, "Authorised signatory", SMALL)

    return Block(high + 18, draw)


def _payment_texts(invoice: Invoice) -> list[str]:
    if invoice.due_minor == 0:
        paid = "Paid in full from your prepaid wallet. " if invoice.prepaid_minor else ""
        return [f"{paid}Nothing is due on this invoice."]
    return [*invoice.seller.payment_lines, f"Please quote {invoice.number or 'the invoice number'} with your payment."]
