"""Credit lots: what a wallet's credit is made of, and the one statement of the order in which it is used.

Burn order: the lot of the lowest priority number first; then the one that expires first, those without an end last; then
promotional before granted before paid credit, so that a customer's own money goes last; then the oldest. A lot whose day
has come is not used any more, whether or not its expiry has been booked yet.

Balance = what is left of all lots − debt. Usage has already happened, so what no lot covers becomes debt; the next credit
repays that first and only its rest becomes a lot.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

PRIORITY_DEFAULT: Final = 50
PRIORITY_MAX: Final = 100
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class LotKind(StrEnum):
    """Where credit comes from, in the order it is used in when all else is equal."""

    PROMOTIONAL = "promotional"
    GRANTED = "granted"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Lot:
    """Some credit of one wallet; `lot_id` rises with age falling. Amounts are micros."""

    lot_id: int
    kind: LotKind
    remaining_micros: int
    expires_at: datetime | None = None
    priority: int = PRIORITY_DEFAULT

    def usable(self, at: datetime) -> bool:
        """Whether there is something left of it, and its day has not come."""
        return self.remaining_micros > 0 and (self.expires_at is None or at < self.expires_at)


def burn_order(lots: Iterable[Lot]) -> list[Lot]:
    """Lots in the order they are used in."""
    return sorted(lots, key=_place)


def _place(lot: Lot) -> tuple[int, datetime, int, int]:
    return lot.priority, lot.expires_at or _NEVER, _KINDS.index(lot.kind), lot.lot_id


_KINDS: Final = list(LotKind)


class Burn(NamedTuple):
    """Micros taken from a lot."""

    lot_id: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Burnt:
    """What a debit did to the lots; the burns and the debt added are the debit's amount."""

    burns: tuple[Burn, ...]
    debt_micros: int
    current: Lot | None
    """The lot the next debit begins with; None when no lot is left."""
    further: bool
    """Whether other lots are left besides."""


def burn(lots: Sequence[Lot], amount_micros: int, *, at: datetime) -> Burnt:
    """Take a debit from a wallet's lots, in their order; what they do not cover is debt. The amount is 0 or more."""
    if amount_micros < 0:
        raise ValueError("a debit below zero gives back: give credit instead")
    burns: list[Burn] = []
    left: list[Lot] = []
    due = amount_micros
    for lot in burn_order(lot for lot in lots if lot.usable(at)):
        taken = min(due, lot.remaining_micros)
        due -= taken
        if taken:
            burns.append(Burn(lot.lot_id, taken))
        if taken < lot.remaining_micros:
            left.append(_with(lot, lot.remaining_micros - taken))
    return Burnt(tuple(burns), due, left[0] if left else None, len(left) > 1)


@dataclass(frozen=True, slots=True)
class Credited:
    """What a credit did: part of it repaid debt, and the rest is what the new lot has left."""

    repaid_micros: int
    remaining_micros: int


def credit(amount_micros: int, *, debt_micros: int) -> Credited:
    """Split a credit between the debt and the lot it makes."""
    if amount_micros < 0 or debt_micros < 0:
        raise ValueError("credit and debt are 0 or more")
    repaid = min(amount_micros, debt_micros)
    return Credited(repaid, amount_micros - repaid)


def debt_micros(balance_micros: int, lots: Iterable[Lot]) -> int:
    """What no lot covered so far, by the balance and what is left of all lots, also of those whose day has come."""
    return sum(lot.remaining_micros for lot in lots) - balance_micros


def due_to_expire(lots: Iterable[Lot], *, at: datetime) -> list[Lot]:
    """Lots whose day has come with something left, which is taken out of the balance; the oldest day first."""
    due = [lot for lot in lots if lot.remaining_micros > 0 and lot.expires_at is not None and lot.expires_at <= at]
    return sorted(due, key=lambda lot: (lot.expires_at or _NEVER, lot.lot_id))


def _with(lot: Lot, remaining_micros: int) -> Lot:
    return Lot(lot.lot_id, lot.kind, remaining_micros, lot.expires_at, lot.priority)
