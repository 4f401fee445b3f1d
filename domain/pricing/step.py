"""Steps of an explanation: the arithmetic of a price, line by line, as a finance person would check it.

Each step is rounded to a whole micro by itself. A price is rounded once, on the sum; where the two differ, by a few
millionths of the currency unit, a last step "rounding" says so, so that the steps always add up to the amount.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.money import FORMATS, Currency, divide_half_away_from_zero, group_digits
from domain.usage import QUANTITY_SCALE

_PRINTED_DECIMALS_MIN: Final = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One line: the arithmetic in words, and what it comes to in micros."""

    text: str
    amount_micros: int

    def __str__(self) -> str:
        return f"{self.text} = {decimal_text(self.amount_micros)}"


NOTHING_USED: Final = Step("nothing used", 0)


def add_up(amount_micros: int, parts: Iterable[tuple[str, int]]) -> tuple[Step, ...]:
    """Steps from (text, exact micros × 1,000,000) that come to an amount; the last is what rounding each by itself left."""
    steps = [Step(text, divide_half_away_from_zero(scaled, QUANTITY_SCALE)) for text, scaled in parts]
    residue = amount_micros - sum(step.amount_micros for step in steps)
    if residue:
        steps.append(Step("rounding: the sum is rounded once, each line above by itself", residue))
    return tuple(steps)


def free_part(quantity_millionths: int, free_units_millionths: int) -> list[tuple[str, int]]:
    """The part of an explanation about the free units of a total above zero; none where no units are free."""
    if not free_units_millionths:
        return []
    used = units_text(min(quantity_millionths, free_units_millionths))
    return [(f"{used} of {units_text(free_units_millionths)} free units", 0)]


def units_text(quantity_millionths: int) -> str:
    """A quantity as it is read: 1,000 or 0.5."""
    return decimal_text(quantity_millionths, decimals_min=0)


def decimal_text(millionths: int, *, decimals_min: int = 2) -> str:
    """Micros as currency units, or millionths as units, with thousands separators and no needless zeros: 1,234.50."""
    units, rest = divmod(abs(millionths), QUANTITY_SCALE)
    decimals = f"{rest:06d}".rstrip("0").ljust(decimals_min, "0")
    text = f"{units:,}.{decimals}" if decimals else f"{units:,}"
    return f"-{text}" if millionths < 0 else text


def printed_price(micros: int, currency: Currency, *, decimals_min: int = _PRINTED_DECIMALS_MIN) -> str:
    """A price as it stands on an invoice line: ₹0.1450, $2.0000, Rp350.0000."""
    style = FORMATS[currency]
    units, rest = divmod(micros, QUANTITY_SCALE)
    decimals = f"{rest:06d}".rstrip("0").ljust(decimals_min, "0")
    return f"{style.symbol}{group_digits(str(units), indian=style.indian_grouping)}.{decimals}"
