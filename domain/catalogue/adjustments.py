"""Adjustments: money on the money of other charges. Discounts, trials, free amounts, spend caps.

An adjustment is a function A of a running sum of money S, so it telescopes as a price does: an event brings
A(S after) − A(S before). S is the money of the charges it applies to and of those earlier adjustments that apply to none
but these. The order is fixed: trials, free amounts, percentages as listed, caps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from domain.catalogue.charges import Reset, Sharing, read_option
from domain.errors import InvalidInput
from domain.money import Currency, divide_half_away_from_zero, micros_from_decimal
from domain.pricing.step import Step, decimal_text, printed_price

_PERCENT_SCALE: Final = 100 * 1_000_000
_AMOUNT_MAX: Final = 10_000_000_000


class AdjustmentKind(StrEnum):
    """What is done to the money, in the order it is done."""

    TRIAL = "trial"
    """It is taken off altogether."""
    FREE_AMOUNT = "free_amount"
    """The first so much of it is taken off."""
    PERCENTAGE = "percentage"
    """A share of it is taken off."""
    MAXIMUM = "maximum"
    """What is above a maximum is taken off."""


ORDER: Final = tuple(AdjustmentKind)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One adjustment of a plan version or contract."""

    charge_id: int
    code: str
    kind: AdjustmentKind
    description: str
    sac: str
    applies_to: frozenset[str] | None
    """Codes of usage charges; None: all of them."""
    percent_millionths: int = 0
    bound_micros: int = 0
    """The free amount or the maximum."""
    reset: Reset = Reset.MONTH
    shared: Sharing = Sharing.ACCOUNT
    periods: int | None = None
    """In force in the first so many service months only, the one it begins in being the first."""
    days: int | None = None
    """In force on the first so many days only."""

    @property
    def is_limited(self) -> bool:
        """Whether it ends before the terms it belongs to do."""
        return self.periods is not None or self.days is not None

    @property
    def is_of_month(self) -> bool:
        """Whether it begins anew each month, for each account."""
        return self.reset is Reset.MONTH and self.shared is Sharing.ACCOUNT

    def amount_micros(self, money_micros: int) -> int:
        """What the adjustment comes to at a running sum of money; never above zero when that is not negative."""
        if self.kind is AdjustmentKind.PERCENTAGE:
            return divide_half_away_from_zero(-self.percent_millionths * money_micros, _PERCENT_SCALE)
        if self.kind is AdjustmentKind.MAXIMUM:
            return min(0, self.bound_micros - money_micros)
        if self.kind is AdjustmentKind.FREE_AMOUNT:
            return -min(max(0, money_micros), self.bound_micros)
        return -money_micros

    def explain(self, money_micros: int) -> tuple[Step, ...]:
        """The arithmetic of `amount_micros`."""
        money, bound = decimal_text(money_micros), decimal_text(self.bound_micros)
        if self.kind is AdjustmentKind.PERCENTAGE:
            text = f"{decimal_text(self.percent_millionths, decimals_min=0)}% off {money}"
        elif self.kind is AdjustmentKind.MAXIMUM:
            text = f"what {money} has above the maximum of {bound}"
        elif self.kind is AdjustmentKind.FREE_AMOUNT:
            text = f"free of {money}, up to {bound}"
        else:
            text = f"trial: nothing of {money} is due"
        return (Step(text, self.amount_micros(money_micros)),)

    def printed(self, currency: Currency) -> str:
        """The adjustment in the few characters an invoice line has for a price."""
        if self.kind is AdjustmentKind.PERCENTAGE:
            return f"-{decimal_text(self.percent_millionths, decimals_min=0)}%"
        if self.kind is AdjustmentKind.TRIAL:
            return "trial"
        bound = printed_price(self.bound_micros, currency, decimals_min=2)
        return f"max. {bound}" if self.kind is AdjustmentKind.MAXIMUM else f"up to {bound}"

    def counts(self, earlier: "Adjustment") -> bool:
        """Whether the money of an earlier adjustment is part of what this one is a function of."""
        if self.applies_to is None:
            return True
        return earlier.applies_to is not None and earlier.applies_to <= self.applies_to


def read_adjustment(charge_id: int, document: Mapping[str, Any], *, path: str) -> Adjustment:
    """An adjustment from a plan document. Raises InvalidInput naming the path and what is wrong."""
    for name in ("code", "description"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise InvalidInput(f"{path}.{name}: must be a text")
    if document.get("kind") not in list(AdjustmentKind):
        raise InvalidInput(f"{path}.kind: {document.get('kind')!r} is not one of {', '.join(AdjustmentKind)}")
    kind = AdjustmentKind(document["kind"])
    applies_to = document.get("applies_to")
    if applies_to is not None and not (isinstance(applies_to, list) and all(isinstance(code, str) for code in applies_to)):
        raise InvalidInput(f'{path}.applies_to: must list codes of charges, e.g. ["otp"]')
    bounded = kind in (AdjustmentKind.FREE_AMOUNT, AdjustmentKind.MAXIMUM)
    return Adjustment(
        charge_id,
        document["code"],
        kind,
        document["description"],
        str(document.get("sac", "")),
        None if applies_to is None else frozenset(applies_to),
        _read(document, "percent", most=100, path=path) if kind is AdjustmentKind.PERCENTAGE else 0,
        _read(document, "amount", most=_AMOUNT_MAX, path=path) if bounded else 0,
        read_option(document, "reset", among=Reset, path=path),
        read_option(document, "shared", among=Sharing, path=path),
        _read_limit(document, "periods", path=path),
        _read_limit(document, "days", path=path),
    )


def _read(document: Mapping[str, Any], name: str, *, most: int, path: str) -> int:
    text = document.get(name)
    try:
        if not isinstance(text, str) or not 0 <= Decimal(text) <= most:
            raise ValueError
        return micros_from_decimal(Decimal(text))
    except (ValueError, InvalidOperation) as error:
        raise InvalidInput(f"{path}.{name}: must be a decimal in quotes from 0 to {most:,}, at most 6 places") from error


def _read_limit(document: Mapping[str, Any], name: str, *, path: str) -> int | None:
    value = document.get(name)
    if value is not None and (type(value) is not int or not 1 <= value <= _LIMIT_MAX):
        raise InvalidInput(f"{path}.{name}: must be a whole number from 1 to {_LIMIT_MAX:,}")
    return value


_LIMIT_MAX: Final = 1_200
