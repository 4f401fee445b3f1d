"""What tax needs to know of a customer, checked as a whole: numbers against each other, and against where the customer is.

One customer has one profile: a company that is billed under several GSTINs is a customer for each, because each has its own
place of supply and its own returns.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.customers.address import Address
from domain.customers.plain_text import read_upper
from domain.errors import InvalidInput
from domain.fields import Fields, shown
from domain.tax.gstin import Gstin, fault_of, parse_gstin
from domain.tax.pan import pan_fault, tan_fault
from domain.tax.place_of_supply import INDIA, BuyerCategory
from domain.tax.states import FOREIGN_COUNTRY, STATES, supply_state

_WITH_GSTIN = (BuyerCategory.REGISTERED, BuyerCategory.SEZ)
_ZERO_RATED = (BuyerCategory.SEZ, BuyerCategory.OVERSEAS)


class Export(StrEnum):
    """How a supply to an SEZ or abroad is invoiced."""

    LUT = "lut"
    """Without tax while the seller's letter of undertaking covers the date."""
    IGST = "igst"
    """With IGST always, which the seller or the buyer reclaims."""


@dataclass(frozen=True, slots=True)
class TaxProfile:
    """A customer as tax law sees it."""

    category: BuyerCategory
    gstin: str | None = None
    pan: str | None = None
    """Only as it was given: where there is a GSTIN, that holds it."""
    tan: str | None = None
    """Of a customer that deducts tax at source."""
    export: Export = Export.LUT

    @property
    def known_pan(self) -> str | None:
        """The PAN as given, or as the GSTIN says."""
        if self.pan is not None or self.gstin is None:
            return self.pan
        return None if fault_of(self.gstin) else parse_gstin(self.gstin).pan

    def document(self) -> dict[str, Any]:
        """The profile as it is written in a document; what follows from other fields is left out."""
        facts = {"gstin": self.gstin, "pan": self.pan, "tan": self.tan}
        export = {"export": str(self.export)} if self.category in _ZERO_RATED else {}
        return {
            "category": str(self.category),
            **{name: value for name, value in facts.items() if value is not None},
            **export,
        }


def place_of_supply(profile: TaxProfile, billing: Address) -> str:
    """GST state code of the place where this customer is supplied; 96 abroad (IGST Act s. 12(2), s. 13(2))."""
    if profile.category is BuyerCategory.OVERSEAS:
        return FOREIGN_COUNTRY
    if profile.gstin is not None:
        return profile.gstin[:2]
    return billing.state_code or FOREIGN_COUNTRY


def read_tax_profile(fields: Fields, *, billing: Address | None) -> TaxProfile | None:
    """The profile at `tax`; None when it is wrong, with every fault remembered.

    `billing` is the billing address, None when that is wrong already: then nothing is compared with it.
    """
    before = len(fields.faults)
    category = _read_category(fields)
    gstin = _read_gstin(fields, category)
    pan, tan = read_upper(fields, "pan"), read_upper(fields, "tan")
    fault = pan and pan_fault(pan, gstin=gstin)
    if fault:
        fields.fault("pan", f"{shown(pan)} {fault}")
    fault = tan and tan_fault(tan)
    if fault:
        fields.fault("tan", f"{shown(tan)} {fault}")
    export = _read_export(fields, category)
    _check_place(fields, category, gstin, billing)
    fields.refuse_unknown()
    if category is None or len(fields.faults) > before:
        return None
    return TaxProfile(category, gstin.text if gstin else None, pan, tan, export)


def _read_category(fields: Fields) -> BuyerCategory | None:
    value = fields.choice("category", [str(category) for category in BuyerCategory])
    return None if value is None else BuyerCategory(value)


def _read_gstin(fields: Fields, category: BuyerCategory | None) -> Gstin | None:
    text = read_upper(fields, "gstin")
    if text is None:
        if category in _WITH_GSTIN and not fields.has("gstin"):
            reason = f"is missing: a customer of category {category} has one; ask for it, or make tax.category unregistered"
            fields.fault("gstin", reason)
        return None
    fault = fault_of(text)
    if fault is not None:
        fields.fault("gstin", f"{shown(text)} {fault}")
        return None
    if category is not None and category not in _WITH_GSTIN:
        fields.fault("gstin", f"is set, and the category is {category}: remove it, or make the category registered or sez")
        return None
    try:
        supply_state(text[:2], field="gstin")
    except InvalidInput as error:
        fields.fault("gstin", str(error).removeprefix("gstin: "))
        return None
    return parse_gstin(text)


def _read_export(fields: Fields, category: BuyerCategory | None) -> Export:
    if category is not None and category not in _ZERO_RATED:
        fields.out_of_place("export", f"is for the categories sez and overseas, and this is {category}: leave it out")
        return Export.LUT
    value = fields.choice("export", [str(export) for export in Export], default=str(Export.LUT))
    return Export.LUT if value is None else Export(value)


def _check_place(fields: Fields, category: BuyerCategory | None, gstin: Gstin | None, billing: Address | None) -> None:
    """The place of supply may be given, to be checked; it follows from the GSTIN, or from the billing address."""
    given = fields.take("place_of_supply")
    if category is None or billing is None:
        return
    if (category is BuyerCategory.OVERSEAS) is (billing.country == INDIA):
        fields.fault(
            "category",
            f"is {category}, and the billing address is in {billing.country}: overseas customers are outside India (IN), "
            "all others inside",
        )
        return
    if gstin is not None and gstin.state_code != billing.state_code:
        where = f"{gstin.state_code} ({STATES[gstin.state_code].name})"
        fields.faults.add(
            f"{fields.path.removesuffix('tax')}addresses.billing.state_code",
            f"is {billing.state_code}, and the GSTIN {gstin.text} is registered in {where}: invoices bear the address of "
            "the registration; correct one of the two",
        )
        return
    if category in _WITH_GSTIN and gstin is None:
        return
    place = place_of_supply(TaxProfile(category, gstin.text if gstin else None), billing)
    if given is not None and given != place:
        why = "the GSTIN" if gstin is not None else "the billing address"
        fields.fault("place_of_supply", f"is {shown(given)}, and {why} says {place}: leave it out, or correct the other")
