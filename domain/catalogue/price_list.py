"""Price lists: the charges of a plan version or a contract, read from their documents when they are first asked for.

A worker holds ten thousand of them and rates with a few, so what is kept of the others is their text.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.catalogue.adjustments import ORDER, Adjustment, read_adjustment
from domain.catalogue.charges import Charge, read_charge
from domain.catalogue.meters import Meter
from domain.money import Currency


class ChargeRow(NamedTuple):
    """A stored charge: it was checked when it was published."""

    charge_id: int
    kind: str
    """usage, adjustment, or a kind rating has nothing to do with."""
    document: str
    """JSON text."""


class PriceList:
    """Charges and adjustments under one label and in one currency; never edited (DESIGN §3.6)."""

    __slots__ = ("_adjustments", "_charges", "_meters", "_rows", "currency", "effective", "label")

    def __init__(
        self, label: str, *, currency: Currency, charges: Mapping[str, Charge] | None, adjustments: Sequence[Adjustment] = ()
    ) -> None:
        self.label = label
        """As printed on lines: "otp-india v1"."""
        self.currency = currency
        self.effective: dict[Any, Any] = {}
        """Plans in effect that begin with this one, so that the accounts that have the same share it."""
        self._charges = charges
        self._adjustments = tuple(adjustments)
        self._rows: Sequence[ChargeRow] = ()
        self._meters: Mapping[str, Meter] = {}

    def keep(self, rows: Sequence[ChargeRow], *, meters: Mapping[str, Meter]) -> None:
        """Stored charges, to be read when they are asked for; `meters` are all there are, by code."""
        self._charges = None
        self._rows = rows
        self._meters = meters

    @property
    def charges(self) -> Mapping[str, Charge]:
        """The usage charges by code, as listed."""
        if self._charges is None:
            self._read()
        return self._charges or {}

    @property
    def adjustments(self) -> Sequence[Adjustment]:
        """In the order they are made."""
        if self._charges is None:
            self._read()
        return self._adjustments

    def _read(self) -> None:
        charges: dict[str, Charge] = {}
        adjustments: list[Adjustment] = []
        for charge_id, kind, text in self._rows:
            path = f"{self.label}, charge {charge_id}"
            if kind == "usage":
                charge = read_charge(charge_id, json.loads(text), path=path, meters=self._meters)
                charges[charge.code] = charge
            elif kind == "adjustment":
                adjustments.append(read_adjustment(charge_id, json.loads(text), path=path))
        self._adjustments = in_order(adjustments)
        # Last, and the rows stay: another thread may be reading the same.
        self._charges = charges


class PlanVersion(PriceList):
    """One published version of a plan."""

    __slots__ = ("plan_version_id",)

    def __init__(
        self,
        plan_version_id: int,
        label: str,
        currency: Currency,
        charges: Mapping[str, Charge] | None = None,
        *,
        adjustments: Sequence[Adjustment] = (),
    ) -> None:
        super().__init__(label, currency=currency, charges=charges or {}, adjustments=in_order(adjustments))
        self.plan_version_id = plan_version_id


class Contract(PriceList):
    """Prices agreed with one customer; they stand in place of those of the plan with the same code."""

    __slots__ = ("contract_id",)

    def __init__(
        self,
        contract_id: int,
        label: str,
        currency: Currency,
        charges: Mapping[str, Charge] | None = None,
        *,
        adjustments: Sequence[Adjustment] = (),
    ) -> None:
        super().__init__(label, currency=currency, charges=charges or {}, adjustments=in_order(adjustments))
        self.contract_id = contract_id


def in_order(adjustments: Sequence[Adjustment]) -> tuple[Adjustment, ...]:
    """Adjustments in the order they are made; those of a kind as listed."""
    return tuple(sorted(adjustments, key=lambda adjustment: ORDER.index(adjustment.kind)))
