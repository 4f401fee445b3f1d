"""Place of supply and type of supply: where a service is taxed, and as what.

Source: IGST Act s. 12(2) (recipient in India), s. 13(2) (recipient abroad), s. 7(5)(b) and s. 16 (SEZ, zero
rating); CBIC Circular 242/36/2024 (the state of an unregistered recipient of online services must be known);
CGST Rule 46, third proviso (endorsements) and Rule 96A (letter of undertaking).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput, TaxProfileIncomplete
from domain.tax.gstin import parse_gstin
from domain.tax.states import FOREIGN_COUNTRY, supply_state

INDIA: Final = "IN"


class BuyerCategory(StrEnum):
    """What GST law takes the buyer for."""

    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    SEZ = "sez"
    OVERSEAS = "overseas"


class SupplyType(StrEnum):
    """INV-01 SupTyp and B2C for buyers without registration; WP, WOP: with, without payment of IGST."""

    B2B = "B2B"
    B2C = "B2C"
    SEZWP = "SEZWP"
    SEZWOP = "SEZWOP"
    EXPWP = "EXPWP"
    EXPWOP = "EXPWOP"


@dataclass(frozen=True, slots=True)
class LetterOfUndertaking:
    """The exporter's leave to supply without IGST (form RFD-11), granted for one financial year."""

    arn: str
    valid_from: date
    valid_to: date | None = None
    """Last day it covers; None: the end of the financial year it begins in, as the law grants it."""

    @property
    def last_day(self) -> date:
        """The last day it covers."""
        return self.valid_to or date(self.valid_from.year + (self.valid_from.month >= 4), 3, 31)

    def covers(self, day: date) -> bool:
        """True when a document of that day may be zero rated; a letter that has run out covers nothing."""
        return self.valid_from <= day <= self.last_day


@dataclass(frozen=True, slots=True)
class BuyerTaxProfile:
    """What tax needs to know of a buyer."""

    country: str
    """ISO 3166-1 alpha-2."""
    gstin: str | None
    category: BuyerCategory
    state_code: str | None
    """GST state code, two digits; None outside India."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Where a supply takes place and how the law names it."""

    place_of_supply: str
    """GST state code; 96 abroad."""
    type: SupplyType
    intra_state: bool
    """True: CGST with SGST or UTGST; False: IGST."""
    zero_rated: bool
    """True when no tax is charged, under a letter of undertaking."""
    legend: str | None
    """The endorsement the document must carry, literally."""


_ENDORSED: Final = "SUPPLY MEANT FOR EXPORT/SUPPLY TO SEZ UNIT OR SEZ DEVELOPER FOR AUTHORISED OPERATIONS "
LEGEND_WITH_TAX: Final = _ENDORSED + "ON PAYMENT OF INTEGRATED TAX"
LEGEND_WITHOUT_TAX: Final = _ENDORSED + "UNDER BOND OR LETTER OF UNDERTAKING WITHOUT PAYMENT OF INTEGRATED TAX"

# By category, and whether a letter of undertaking covers the date.
_TYPES: Final[Mapping[tuple[BuyerCategory, bool], SupplyType]] = {
    (BuyerCategory.OVERSEAS, True): SupplyType.EXPWOP,
    (BuyerCategory.OVERSEAS, False): SupplyType.EXPWP,
    (BuyerCategory.SEZ, True): SupplyType.SEZWOP,
    (BuyerCategory.SEZ, False): SupplyType.SEZWP,
    (BuyerCategory.REGISTERED, True): SupplyType.B2B,
    (BuyerCategory.REGISTERED, False): SupplyType.B2B,
    (BuyerCategory.UNREGISTERED, True): SupplyType.B2C,
    (BuyerCategory.UNREGISTERED, False): SupplyType.B2C,
}
_LEGENDS: Final[Mapping[SupplyType, str]] = {
    SupplyType.EXPWP: LEGEND_WITH_TAX,
    SupplyType.SEZWP: LEGEND_WITH_TAX,
    SupplyType.EXPWOP: LEGEND_WITHOUT_TAX,
    SupplyType.SEZWOP: LEGEND_WITHOUT_TAX,
}
_ZERO_RATED: Final = frozenset({SupplyType.EXPWOP, SupplyType.SEZWOP})


def locate_supply(
    seller_gstin: str,
    buyer: BuyerTaxProfile,
    *,
    on: date,
    lut: LetterOfUndertaking | None,
    sandbox: bool = False,
) -> Supply:
    """Where a supply of a document dated `on` takes place, and as what. `sandbox`: see `gstin.fault_of`.

    Raises TaxProfileIncomplete naming the field that must be filled in before the law gives an answer, and
    InvalidInput naming the field that contradicts another.
    """
    seller = parse_gstin(seller_gstin, field="seller.gstin", sandbox=sandbox)
    supply_state(seller.state_code, field="seller.gstin")
    place = _place_of_supply(buyer, sandbox=sandbox)
    covering = lut if lut is not None and lut.covers(on) else None
    supply_type = _TYPES[buyer.category, covering is not None]
    legend = _LEGENDS.get(supply_type)
    if legend is not None and covering is not None:
        legend += f" (LUT ARN {covering.arn}, valid until {covering.last_day:%d-%m-%Y})"
    return Supply(
        place_of_supply=place,
        type=supply_type,
        intra_state=place == seller.state_code and buyer.category is not BuyerCategory.SEZ,
        zero_rated=supply_type in _ZERO_RATED,
        legend=legend,
    )


def _place_of_supply(buyer: BuyerTaxProfile, *, sandbox: bool) -> str:
    if (buyer.category is BuyerCategory.OVERSEAS) != (buyer.country != INDIA):
        raise InvalidInput(
            f"buyer.country: {buyer.country!r} does not go with the category {buyer.category};"
            " overseas buyers are outside India (IN) and all others inside",
            field="buyer.country",
        )
    if buyer.category in (BuyerCategory.OVERSEAS, BuyerCategory.UNREGISTERED) and buyer.gstin is not None:
        raise InvalidInput(
            f"buyer.gstin: {buyer.gstin!r} is set but the category is {buyer.category}; remove it, or"
            " make the buyer registered or sez",
            field="buyer.gstin",
        )
    if buyer.category is BuyerCategory.OVERSEAS:
        return FOREIGN_COUNTRY
    if buyer.category is BuyerCategory.UNREGISTERED:
        return _state_of_unregistered(buyer)
    return _state_of_registered(buyer, sandbox=sandbox)


def _state_of_unregistered(buyer: BuyerTaxProfile) -> str:
    if buyer.state_code is None:
        raise TaxProfileIncomplete(
            "buyer.state_code: the state of an unregistered buyer of online services decides the tax"
            " (Circular 242/36/2024); ask the customer for it",
            field="buyer.state_code",
        )
    return supply_state(buyer.state_code, field="buyer.state_code").code


def _state_of_registered(buyer: BuyerTaxProfile, *, sandbox: bool) -> str:
    if buyer.gstin is None:
        raise TaxProfileIncomplete(
            f"buyer.gstin: a buyer of category {buyer.category} has a GSTIN; ask the customer for it,"
            " or make the buyer unregistered",
            field="buyer.gstin",
        )
    code = parse_gstin(buyer.gstin, field="buyer.gstin", sandbox=sandbox).state_code
    if buyer.state_code not in (None, code):
        raise InvalidInput(
            f"buyer.state_code: {buyer.state_code} is not the state of the GSTIN {buyer.gstin}, which is {code}",
            field="buyer.state_code",
        )
    return supply_state(code, field="buyer.gstin").code
