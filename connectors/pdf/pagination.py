"""Pagination: which charges and which closing parts go on which page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.pdf.closing import Block
from connectors.pdf.lines_table import CARRY_HEIGHT, HEAD_HEIGHT, Row

_ROWS_KEPT_WITH_TOTALS: Final = 3
_KEPT_OF: Final = 4
"""At most one row of so many goes to the totals: a short table is not torn from the page it begins on."""


@dataclass(slots=True)
class Page:
    """What one page holds, and the room it has left, in points."""

    room: float
    rows: list[Row] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def fits(self, height: float) -> bool:
        """True when a part of that height still goes on this page."""
        return height <= self.room

    def take_row(self, row: Row) -> None:
        """Puts a charge on this page."""
        self.rows.append(row)
        self.room -= row.height

    def take_block(self, block: Block) -> None:
        """Puts a closing part on this page."""
        self.blocks.append(block)
        self.room -= block.height


def paginate(rows: Sequence[Row], blocks: Sequence[Block], *, first_room: float, next_room: float) -> list[Page]:
    """All charges and closing parts in order, on as few pages as keep the totals together with some charges.

    A page that continues another has a line for the sum brought forward; one that is continued has one for the sum
    carried forward.
    """
    pages = [Page(first_room - HEAD_HEIGHT)]
    for row in rows:
        if pages[-1].rows and not pages[-1].fits(row.height + CARRY_HEIGHT):
            pages.append(_table_page(next_room))
        pages[-1].take_row(row)
    if not pages[-1].fits(sum(block.height for block in blocks)):
        pages.append(_table_page(next_room))
        _keep_rows_with_totals(pages[-2], pages[-1])
    for block in blocks:
        if not pages[-1].fits(block.height):
            pages.append(Page(next_room))
        pages[-1].take_block(block)
    return pages


def _table_page(room: float) -> Page:
    return Page(room - HEAD_HEIGHT - CARRY_HEIGHT)


def _keep_rows_with_totals(full: Page, last: Page) -> None:
    kept = min(_ROWS_KEPT_WITH_TOTALS, -(-len(full.rows) // _KEPT_OF), len(full.rows) - 1)
    moved = full.rows[len(full.rows) - kept :]
    del full.rows[len(full.rows) - kept :]
    full.room += sum(row.height for row in moved)
    for row in moved:
        last.take_row(row)
