"""Who and what: the head of the first page with both parties, the head of the others, and the foot of all."""

from collections.abc import Sequence
from typing import Final

from connectors.pdf.countries import country_name
from connectors.pdf.fonts import wrap
from connectors.pdf.pen import ACCENT, Pen
from connectors.pdf.sheet import (
    BAND_LABEL,
    BAND_VALUE,
    LABEL,
    LEADING,
    LEFT,
    NAME,
    RIGHT,
    SMALL,
    SMALL_INK,
    SMALL_LEADING,
    SMALL_STRONG,
    STRONG,
    TITLE,
    TOP,
    WIDTH,
)
from connectors.pdf.wording import day_text, pan_of, period_text, state_text
from domain.invoice.model import Invoice, InvoiceStatus, Party
from domain.money import format_minor

_GUTTER: Final = 24.0
_BAND_HEIGHT: Final = 38.0
_SELLER_WIDTH: Final = 300.0
_BUYER_WIDTH: Final = 262.0
_INDIA: Final = "IN"
SUPPLY_NAMES: Final = {
    "B2B": "Business, registered (B2B)",
    "B2C": "Unregistered recipient (B2C)",
    "SEZWP": "SEZ with IGST (SEZWP)",
    "SEZWOP": "SEZ under LUT (SEZWOP)",
    "EXPWP": "Export with IGST (EXPWP)",
    "EXPWOP": "Export under LUT (EXPWOP)",
}


def draw_first_head(pen: Pen, invoice: Invoice) -> float:
    """Seller, title, key facts, buyer and supply. Returns the y below them."""
    title_y = TOP - 10
    pen.text_right(RIGHT, title_y, "TAX INVOICE", TITLE)
    pen.text_right(RIGHT, title_y - 14, copy_mark(invoice), LABEL)
    y = draw_seller(pen, invoice.seller, TOP - 6)
    cells = [
        ("INVOICE NUMBER", number_text(invoice)),
        ("DATE OF ISSUE", day_text(invoice.issue_date)),
        ("DUE DATE", day_text(invoice.due_date)),
    ]
    y = draw_band(pen, y - 8, cells, total=("AMOUNT DUE", format_minor(invoice.due_minor, invoice.currency)))
    below = draw_buyer(pen, invoice.buyer, y - 20, label="BILL TO")
    return min(below, draw_facts(pen, "DETAILS OF SUPPLY", _supply_facts(invoice), y - 20)) - 6


def draw_next_head(pen: Pen, invoice: Invoice) -> float:
    """The short head of every later page. Returns the y below it."""
    y = TOP - 4
    pen.text(LEFT, y, wrap(invoice.seller.legal_name, STRONG, room=WIDTH - 220, lines_max=1)[0], STRONG)
    pen.text_right(RIGHT, y, f"Tax invoice {number_text(invoice)}, continued", SMALL_INK)
    pen.rule(LEFT, y - 8, WIDTH, colour=ACCENT, thickness=1)
    return y - 18


def draw_foot(pen: Pen, invoice: Invoice, *, page: int, pages: int) -> None:
    """Seller, buyer and page number, below the content."""
    draw_page_foot(pen, invoice.seller, account_code=invoice.account_code, page=page, pages=pages)


def draw_page_foot(pen: Pen, seller: Party, *, account_code: str, page: int, pages: int) -> None:
    """The foot of a page of any paper."""
    pen.rule(LEFT, 44, WIDTH)
    facts = f"{seller.legal_name} · GSTIN {seller.gstin} · Account {account_code}"
    pen.text(LEFT, 32, wrap(facts, SMALL, room=WIDTH - 80, lines_max=1)[0], SMALL)
    pen.text_right(RIGHT, 32, f"Page {page} of {pages}", SMALL)


def number_text(invoice: Invoice) -> str:
    """The invoice number, or that there is none yet."""
    return invoice.number or "(draft)"


def copy_mark(invoice: Invoice) -> str:
    """Which copy this is (Rule 48(2)); a draft is none."""
    if invoice.status is InvoiceStatus.ISSUED:
        return "ORIGINAL FOR RECIPIENT"
    return "NOT ISSUED, NOT VALID FOR TAX PURPOSES"


def draw_seller(pen: Pen, seller: Party, y: float) -> float:
    """Who issues it. Returns the y below."""
    y = pen.lines(LEFT, y, wrap(seller.legal_name, NAME, room=_SELLER_WIDTH), NAME, leading=15)
    y = _draw_address(pen, LEFT, y, seller, room=_SELLER_WIDTH)
    registration = f"GSTIN {seller.gstin} · PAN {pan_of(seller)}"
    pen.text(LEFT, y, registration, SMALL_STRONG)
    y -= SMALL_LEADING
    contact = [f"State: {state_text(seller.state_code)}"] if seller.state_code else []
    contact += [seller.email] if seller.email else []
    return pen.lines(LEFT, y, wrap(" · ".join(contact), SMALL, room=_SELLER_WIDTH), SMALL, leading=SMALL_LEADING)


def _draw_address(pen: Pen, x: float, y: float, party: Party, *, room: float) -> float:
    for line in party.address_lines:
        y = pen.lines(x, y, wrap(line, SMALL, room=room, lines_max=4), SMALL, leading=SMALL_LEADING)
    return y


def draw_band(pen: Pen, top: float, cells: Sequence[tuple[str, str]], *, total: tuple[str, str]) -> float:
    """The key facts, up to three of them, and the amount, in a coloured band. Returns the y below."""
    bottom = top - _BAND_HEIGHT
    pen.panel(LEFT, bottom, WIDTH, _BAND_HEIGHT, fill=ACCENT, radius=3)
    for x, (label, value) in zip((LEFT + 14, LEFT + 150, LEFT + 252), cells, strict=False):
        pen.text(x, top - 14, label, BAND_LABEL)
        pen.text(x, top - 28, value, BAND_VALUE)
    label, amount = total
    pen.text_right(RIGHT - 14, top - 14, label, BAND_LABEL)
    pen.text_right(RIGHT - 14, top - 28, amount, BAND_VALUE, room=150)
    return bottom


def draw_buyer(pen: Pen, buyer: Party, y: float, *, label: str) -> float:
    """Whom it is for. Returns the y below."""
    pen.text(LEFT, y, label, LABEL)
    y = pen.lines(LEFT, y - 13, wrap(buyer.legal_name, STRONG, room=_BUYER_WIDTH), STRONG, leading=LEADING)
    y = _draw_address(pen, LEFT, y, buyer, room=_BUYER_WIDTH)
    facts = [f"GSTIN {buyer.gstin}" if buyer.gstin else None]
    if buyer.country == _INDIA:
        facts = facts if buyer.gstin else ["GSTIN: unregistered"]
        facts.append(f"State: {state_text(buyer.state_code)}" if buyer.state_code else None)
    else:
        facts.append(f"Country: {country_name(buyer.country)}")
    registration = wrap(" · ".join(fact for fact in facts if fact), SMALL_STRONG, room=_BUYER_WIDTH)
    y = pen.lines(LEFT, y, registration, SMALL_STRONG, leading=SMALL_LEADING)
    if buyer.email:
        y = pen.lines(LEFT, y, wrap(buyer.email, SMALL, room=_BUYER_WIDTH), SMALL, leading=SMALL_LEADING)
    return y


def draw_facts(pen: Pen, label: str, facts: Sequence[tuple[str, str]], y: float) -> float:
    """Facts beside the buyer. Returns the y below."""
    x = LEFT + _BUYER_WIDTH + _GUTTER
    room = RIGHT - x - 92
    pen.text(x, y, label, LABEL)
    y -= 13
    for name, value in facts:
        pen.text(x, y, name, SMALL)
        y = pen.lines(x + 92, y, wrap(value, SMALL_INK, room=room), SMALL_INK, leading=SMALL_LEADING)
        y -= 1.6
    return y


def _supply_facts(invoice: Invoice) -> list[tuple[str, str]]:
    facts = [
        ("Billing period", period_text(invoice.month)),
        ("Place of supply", state_text(invoice.place_of_supply)),
        ("Type of supply", SUPPLY_NAMES.get(invoice.supply_type, invoice.supply_type)),
        ("Reverse charge", "No"),
        ("Account", invoice.account_code),
        ("Currency", str(invoice.currency)),
    ]
    if invoice.buyer.country != _INDIA:
        facts.insert(2, ("Destination", country_name(invoice.buyer.country)))
    return facts
